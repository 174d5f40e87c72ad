export { AccountMenu } from './AccountMenu'
export { useAccount } from './session'
export { SignInPage } from './SignInPage'
export { WelcomePage } from './WelcomePage'
