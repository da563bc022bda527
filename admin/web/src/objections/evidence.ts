/** Bringing an evidence file: its content is no JSON, so it is read as it is. */
import { problemFrom } from '../api/problem'

interface Answer {
  data?: unknown
  error?: unknown
  response: Response
}

export async function blobOf(call: Promise<Answer>): Promise<Blob> {
  const { data, error, response } = await call
  if (!response.ok) throw problemFrom(response.status, error)
  return data as Blob
}
