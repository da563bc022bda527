import { expect, test } from 'vitest'

import { inBase64 } from './files'

test('bytes of any kind and number come back the same', async () => {
  const bytes = Uint8Array.from({ length: 100_000 }, (_, place) => (place * 7) % 256)
  const file = { arrayBuffer: async () => bytes.buffer } as unknown as Blob

  const back = Uint8Array.from(atob(await inBase64(file)), (character) => character.charCodeAt(0))

  expect(back).toEqual(bytes)
})
