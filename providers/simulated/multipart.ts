/**
 * The fields and files of a multipart request; none where the body is broken.
 *
 * Node's own reader is deprecated for servers that face the world, because it holds the whole body in memory. This one stands on the loopback address and reads the
 * small bodies of our own clients, which the server in front has held in memory already.
 */
export async function readMultipart(request: {
  readonly body: Uint8Array;
  readonly contentType: string;
}): Promise<FormData> {
  const sent = new Response(new Uint8Array(request.body), {
    headers: { "content-type": request.contentType },
  });
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- deprecated for servers that face the world; this one is on loopback and has the small body in memory
  return sent.formData().catch(() => new FormData());
}
