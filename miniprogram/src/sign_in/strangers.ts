import { onShow } from '@dcloudio/uni-app'

import { sessionToken } from './session'

/** To the page where one signs in, with nothing to go back to. */
export function leadToSignIn(): void {
  // At launch both the app and its first page lead there, and the framework calls the second time a failure.
  uni.reLaunch({ url: '/pages/sign-in/sign-in', fail: () => undefined })
}

/** A page of the tab bar, loaded whenever it is shown. A stranger gets here by going back from a public page. */
export function onShowToCitizen(load: () => void): void {
  onShow(() => {
    if (sessionToken() === null) leadToSignIn()
    else load()
  })
}
