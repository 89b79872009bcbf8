import http from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

/** A caller of the API with a fixed number of kept connections. */
export interface LoadClient {
  /** Resolves with the answer once its last byte is there. */
  readonly call: (
    method: "GET" | "POST" | "PATCH",
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ) => Promise<Answer>;
  /** As `call`; anything but 202 is an error, but over the limit it waits as it is told. With a key it may be asked again. */
  readonly accept: (body: NotificationBody, key?: string) => Promise<Accepted>;
  readonly close: () => void;
}

export interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  /** Of `Retry-After`; null where there was none. */
  readonly retryAfterSeconds: number | null;
  /** From asking to the last byte, the wait for a free connection included. */
  readonly tookMs: number;
  /** performance.now() at the last byte. */
  readonly answeredAt: number;
}

export interface Accepted {
  readonly id: string;
  readonly workflowId: string;
  readonly tookMs: number;
  readonly answeredAt: number;
}

export interface NotificationBody {
  readonly type: string;
  readonly priority?: string;
  readonly ticketId?: string;
  readonly policyId?: string;
  readonly zone?: string;
  readonly notBefore?: string;
  readonly data?: Readonly<Record<string, unknown>>;
  readonly recipients?: {
    readonly userIds?: readonly string[];
    readonly groupIds?: readonly string[];
  };
}

export function createLoadClient(options: {
  readonly url: string;
  readonly key: string;
  readonly connections: number;
}): LoadClient {
  const agent = new http.Agent({ keepAlive: true, maxSockets: options.connections });

  const call: LoadClient["call"] = (method, path, body, headers = {}) => {
    const askedAt = performance.now();
    const text = body === undefined ? null : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const request = http.request(
        `${options.url}${path}`,
        {
          method,
          agent,
          headers: {
            authorization: `Bearer ${options.key}`,
            ...headers,
            ...(text === null
              ? {}
              : {
                  "content-type": "application/json",
                  "content-length": String(Buffer.byteLength(text)),
                }),
          },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.on("error", reject);
          response.on("end", () => {
            const answeredAt = performance.now();
            resolve({
              status: response.statusCode ?? 0,
              body: asObject(Buffer.concat(chunks).toString("utf8")),
              retryAfterSeconds:
                response.headers["retry-after"] === undefined
                  ? null
                  : Number(response.headers["retry-after"]),
              tookMs: answeredAt - askedAt,
              answeredAt,
            });
          });
        },
      );
      request.on("error", reject);
      request.end(text ?? undefined);
    });
  };
  return {
    call,
    accept: async (body, key) => {
      const headers = key === undefined ? {} : { "idempotency-key": key };
      let answer = await call("POST", "/v1/notifications", body, headers);
      while (answer.status === 429 && answer.retryAfterSeconds !== null) {
        await sleep(answer.retryAfterSeconds * 1_000);
        answer = await call("POST", "/v1/notifications", body, headers);
      }
      if (answer.status !== 202) {
        throw new Error(`not accepted: ${answer.status} ${JSON.stringify(answer.body)}`);
      }
      const { tookMs, answeredAt } = answer;
      return {
        id: String(answer.body["id"]),
        workflowId: String(answer.body["workflowId"]),
        tookMs,
        answeredAt,
      };
    },
    close: () => {
      agent.destroy();
    },
  };
}

/** The API answers with JSON objects alone. */
function asObject(text: string): Readonly<Record<string, unknown>> {
  return text === "" ? {} : (JSON.parse(text) as Readonly<Record<string, unknown>>);
}
