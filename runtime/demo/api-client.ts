/** The demo asks the API as any client would: over HTTP, with a key. */
export interface DemoApi {
  readonly get: (path: string) => Promise<Json>;
  readonly send: (method: "POST" | "PATCH" | "PUT", path: string, body: unknown) => Promise<Json>;
}

export type Json = Readonly<Record<string, unknown>>;

export function createDemoApi(url: string, key: string): DemoApi {
  const ask = async (method: string, path: string, body?: unknown): Promise<Json> => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
    return asJson(text);
  };
  return {
    get: (path) => ask("GET", path),
    send: (method, path, body) => ask(method, path, body),
  };
}

/** The API answers with JSON objects alone. */
function asJson(text: string): Json {
  return text === "" ? {} : (JSON.parse(text) as Json);
}

export interface TimelineLine {
  readonly at: string;
  readonly kind: string;
  readonly pass: number | null;
  readonly step: number | null;
  readonly target: string | null;
  readonly channel: string | null;
  readonly accountId: string | null;
  readonly deliveryId: string | null;
  readonly reason: string | null;
  readonly detail: Json | null;
}

export interface DeliveryLine {
  readonly id: string;
  readonly purpose: string;
  readonly channel: string;
  readonly provider: string | null;
  readonly status: string;
  readonly providerMessageId: string | null;
  readonly message: string | null;
  readonly userId: string | null;
  readonly groupId: string | null;
}

export async function readTimeline(api: DemoApi, id: string): Promise<readonly TimelineLine[]> {
  return items<TimelineLine>(api, `/v1/notifications/${id}/timeline`);
}

export async function readDeliveries(api: DemoApi, id: string): Promise<readonly DeliveryLine[]> {
  return items<DeliveryLine>(api, `/v1/notifications/${id}/deliveries`);
}

/** What the operators were told of since an instant: an account that goes out, an alert that nobody answered. */
export async function readNotices(
  api: DemoApi,
  from: string,
): Promise<readonly { readonly id: string; readonly data: Json }[]> {
  return items(api, `/v1/notifications?type=operator_notice&from=${encodeURIComponent(from)}`);
}

/** All pages of a list, in the list's own order; the shapes are the API's documented ones. */
async function items<Item>(api: DemoApi, path: string): Promise<readonly Item[]> {
  const all: Item[] = [];
  let cursor = "";
  do {
    const page = await api.get(
      `${path}${path.includes("?") ? "&" : "?"}limit=100${cursor === "" ? "" : `&cursor=${cursor}`}`,
    );
    all.push(...(page["items"] as readonly Item[]));
    cursor = typeof page["nextCursor"] === "string" ? encodeURIComponent(page["nextCursor"]) : "";
  } while (cursor !== "");
  return all;
}
