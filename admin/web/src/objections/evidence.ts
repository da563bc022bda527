/** Bringing and sending evidence files: their content is no JSON. */
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

/** The schema of an upload names a string; what is sent is the form itself. */
export function asForm(form: FormData): { body: never; bodySerializer: (sent: unknown) => never } {
  return { body: form as never, bodySerializer: (sent) => sent as never }
}
