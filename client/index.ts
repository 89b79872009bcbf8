/** What `@siaga/engine/client` offers: the HTTP API with types, and starting runs with a Temporal client. */
export { SiagaProblem, createSiagaClient } from "./http-client.ts";
export type {
  Accepted,
  ActAnswer,
  ActOptions,
  ActedBy,
  Acts,
  Links,
  ListFilter,
  Notification,
  Page,
  SiagaClient,
  SiagaClientOptions,
  TimelineEntry,
} from "./http-client.ts";
export { NotStartable, startNotification } from "./start-notification.ts";
export type {
  DirectNotification,
  StartRequest,
  StartedNotification,
} from "./start-notification.ts";
