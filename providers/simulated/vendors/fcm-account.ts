import { createPublicKey, generateKeyPairSync } from "node:crypto";

import { z } from "zod";

import { name } from "./account-fields.ts";

const keyFile = z.object({
  client_email: z.email(),
  private_key: z.string().refine((pem) => publicKeyOf(pem) !== null, "is no private key"),
});

export const fcmAccount = z.strictObject({
  vendor: z.literal("fcm"),
  /** The project's id. */
  sender: z.string().regex(/^[a-z][a-z0-9-]{4,28}[a-z0-9]$/),
  name,
  credentials: z.strictObject({
    /** The service account's key file, as the sender has it. */
    serviceAccount: z.string().transform((text, context) => {
      const file = keyFile.safeParse(parseJson(text));
      if (file.success) return text;
      context.addIssue({ code: "custom", message: "is no key file of a service account" });
      return z.NEVER;
    }),
  }),
  /** FCM tells nobody anything. */
  webhookUrl: z.null().default(null),
});

export type ServiceAccountKey = { readonly clientEmail: string; readonly publicKey: string };

/** What Google keeps of a key file that was accepted at registration. */
export function keyOf(serviceAccount: string): ServiceAccountKey {
  const file = keyFile.parse(parseJson(serviceAccount));
  const publicKey = publicKeyOf(file.private_key);
  if (publicKey === null) throw new Error("a registered key file holds a key");
  return { clientEmail: file.client_email, publicKey };
}

/** A key file as Google would make it, for a project that does not exist. */
export function makeServiceAccount(projectId: string): string {
  const { privateKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  return JSON.stringify({
    type: "service_account",
    project_id: projectId,
    private_key_id: "simulated",
    private_key: privateKey,
    client_email: `siaga@${projectId}.iam.gserviceaccount.com`,
    token_uri: "https://oauth2.googleapis.com/token",
  });
}

function publicKeyOf(privateKey: string): string | null {
  try {
    return createPublicKey(privateKey).export({ type: "spki", format: "pem" }).toString();
  } catch {
    return null;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
