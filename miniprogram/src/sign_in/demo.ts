import { signIn } from '../api'
import type { SignInAdapter } from './port'

/** Made-up citizens of the demo city, without a password. A production server does not offer this adapter. */
export const demoSignIn: SignInAdapter = {
  name: 'demo',
  explanation:
    '这里是演示城市，下面的市民都是虚构的，选一位就能以他的身份进去看看，不需要密码。正式上线的城市会换成微信或城市统一身份认证登录。',
  identities: (options) =>
    (options.demo_citizens ?? []).map(({ credential, name, story }) => ({ credential, label: name, story })),
  signIn: (credential) => signIn('demo', credential),
}
