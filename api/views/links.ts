import type { Links } from "../deps.ts";

/** Paths are relative to this installation, so that they hold behind any address; the Temporal UI has its own. */
export function notificationLinks(
  links: Links,
  notification: {
    readonly id: string;
    readonly workflowId: string;
    readonly runId?: string | null;
  },
): { self: string; timeline: string; temporal: string | null } {
  const self = `/v1/notifications/${notification.id}`;
  return { self, timeline: `${self}/timeline`, temporal: temporalLink(links, notification) };
}

function temporalLink(
  { temporalUiUrl, temporalNamespace }: Links,
  { workflowId, runId }: { readonly workflowId: string; readonly runId?: string | null },
): string | null {
  if (temporalUiUrl === null) return null;
  const namespace = encodeURIComponent(temporalNamespace);
  const run = runId ? `/${encodeURIComponent(runId)}/history` : "";
  return `${temporalUiUrl}/namespaces/${namespace}/workflows/${encodeURIComponent(workflowId)}${run}`;
}
