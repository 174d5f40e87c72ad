// The texts of the page's language. There is one language so far.
export { en as text } from './en'
