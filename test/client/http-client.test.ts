import { describe, expect, it } from "vitest";
import { SiagaProblem, createSiagaClient } from "../../client/index.ts";

type Sent = { readonly url: string; readonly init: RequestInit | undefined };

function clientAnswering(response: () => Response) {
  const sent: Sent[] = [];
  const client = createSiagaClient({
    baseUrl: "https://siaga.test/",
    apiKey: "sg_live_x",
    fetch: async (input, init) => {
      sent.push({ url: input instanceof Request ? input.url : String(input), init });
      return response();
    },
  });
  return { client, sent };
}

const json = (body: unknown, init?: ResponseInit): Response => Response.json(body, init);

describe("the HTTP client", () => {
  it.each([
    {
      call: "createNotification",
      method: "POST",
      url: "https://siaga.test/v1/notifications",
      body: { type: "outage" },
    },
    {
      call: "explain",
      method: "POST",
      url: "https://siaga.test/v1/notifications/explain?at=2026-01-01T00%3A00%3A00Z",
      body: { type: "outage" },
    },
    {
      call: "getNotification",
      method: "GET",
      url: "https://siaga.test/v1/notifications/ntf_a%2Fb",
    },
    {
      call: "listNotifications",
      method: "GET",
      url: "https://siaga.test/v1/notifications?zone=karawang&open=true&limit=5",
    },
    { call: "timeline", method: "GET", url: "https://siaga.test/v1/notifications/ntf_a/timeline" },
    {
      call: "act",
      method: "POST",
      url: "https://siaga.test/v1/notifications/ntf_a/snooze",
      body: { until: "2026-01-01T00:00:00Z", by: "ext:T-1" },
    },
  ])("$call sends $method $url", async ({ call, method, url, body }) => {
    const { client, sent } = clientAnswering(() => json({}));
    const calls: Record<string, () => Promise<unknown>> = {
      createNotification: () =>
        client.createNotification({ type: "outage" }, { idempotencyKey: "k1" }),
      explain: () => client.explain({ type: "outage" }, { at: "2026-01-01T00:00:00Z" }),
      getNotification: () => client.getNotification("ntf_a/b"),
      listNotifications: () => client.listNotifications({ zone: "karawang", open: true, limit: 5 }),
      timeline: () => client.timeline("ntf_a"),
      act: () => client.act("ntf_a", "snooze", { until: "2026-01-01T00:00:00Z", by: "ext:T-1" }),
    };
    await calls[call]?.();

    const headers = new Headers(sent[0]?.init?.headers);
    expect(sent.map((request) => request.url)).toEqual([url]);
    expect(sent[0]?.init?.method).toBe(method);
    expect(headers.get("authorization")).toBe("Bearer sg_live_x");
    expect(headers.get("idempotency-key")).toBe(call === "createNotification" ? "k1" : null);
    expect(sent[0]?.init?.body).toBe(body === undefined ? undefined : JSON.stringify(body));
  });

  it("rejects with what the API says", async () => {
    const errors = [{ path: "zone", code: "unknown", message: "There is no such zone." }];
    const { client } = clientAnswering(() =>
      json(
        { code: "invalid_input", detail: "Not valid.", requestId: "req_a", errors },
        { status: 422 },
      ),
    );
    await expect(client.createNotification({ type: "outage" })).rejects.toMatchObject({
      name: "SiagaProblem",
      status: 422,
      code: "invalid_input",
      requestId: "req_a",
      errors,
      retryAfterSeconds: null,
    });
  });

  it("says when a repeat makes sense", async () => {
    const { client } = clientAnswering(() =>
      json({ code: "rate_limited" }, { status: 429, headers: { "retry-after": "7" } }),
    );
    await expect(client.getNotification("ntf_a")).rejects.toMatchObject({ retryAfterSeconds: 7 });
  });

  it("rejects with the status when something else than the API answers", async () => {
    const { client } = clientAnswering(() => new Response("<html>", { status: 502 }));
    const call = client.getNotification("ntf_a");
    await expect(call).rejects.toThrow(SiagaProblem);
    await expect(call).rejects.toMatchObject({ status: 502, code: "unknown", errors: [] });
  });
});
