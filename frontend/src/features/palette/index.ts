export { AddNodeDialog } from './AddNodeDialog'
