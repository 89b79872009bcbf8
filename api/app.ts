import { OpenAPIHono } from "@hono/zod-openapi";
import { methodNotAllowed } from "hono/method-not-allowed";
import { requestId } from "hono/request-id";
import { secureHeaders } from "hono/secure-headers";
import type { AppDeps } from "./deps.ts";
import {
  createErrorHandler,
  methodNotAllowed as answerMethodNotAllowed,
  unknownPath,
} from "./errors.ts";
import type { AppEnv } from "./http.ts";
import { refuseInvalid } from "./invalid.ts";
import { accessLog } from "./middleware/access-log.ts";
import { authentication } from "./middleware/authentication.ts";
import { fixedPaths } from "./middleware/fixed-paths.ts";
import { idempotency } from "./middleware/idempotency.ts";
import { limitBody } from "./middleware/limit-body.ts";
import { DEFAULT_RATE_LIMIT, OTP_RATE_LIMIT, rateLimit } from "./middleware/rate-limit.ts";
import { strictJson } from "./middleware/strict-json.ts";
import { apiKeyRoutes } from "./routes/api-keys.ts";
import { costRoutes } from "./routes/costs.ts";
import { createNotificationRoutes } from "./routes/create-notification.ts";
import { groupMemberRoutes } from "./routes/group-members.ts";
import { groupRoutes } from "./routes/groups.ts";
import { ackPageRoutes } from "./routes/ack-page.ts";
import { healthRoutes } from "./routes/health.ts";
import { holidayRoutes } from "./routes/holidays.ts";
import { inboundRoutes } from "./routes/inbound.ts";
import { meRoutes } from "./routes/me.ts";
import { notificationActRoutes } from "./routes/notification-acts.ts";
import { notificationRecordRoutes } from "./routes/notification-record.ts";
import { notificationRoutes } from "./routes/notifications.ts";
import { optOutRoutes } from "./routes/opt-outs.ts";
import { phoneVerificationRoutes } from "./routes/phone-verification.ts";
import { policyRoutes } from "./routes/policies.ts";
import { otpRoutes } from "./routes/otp.ts";
import { priceRoutes } from "./routes/prices.ts";
import { accountListRoutes } from "./routes/account-lists.ts";
import { providerAccountRoutes } from "./routes/provider-accounts.ts";
import { pushSubscriptionRoutes } from "./routes/push-subscriptions.ts";
import { addReference } from "./routes/reference.ts";
import { setupRoutes } from "./routes/setup.ts";
import { userRoutes } from "./routes/users.ts";
import { sandboxRoutes } from "./routes/sandbox.ts";
import { isWebhookPath, webhookRoutes } from "./routes/webhooks.ts";
import { wordRoutes } from "./routes/words.ts";

/** Far above every request of the contract; a route with larger ones sets its own. */
export const BODY_BYTES_MAX = 256 * 1024;
const REQUEST_ID_CHARS_MAX = 64;

/**
 * The whole HTTP API. Each group of routes is an app of its own under /v1, mounted below; what is in front of them all
 * (request id, log, limits, who asks, one answer per key) is here, in the order in which it happens.
 */
export function createApp(deps: AppDeps) {
  const app = new OpenAPIHono<AppEnv>({ defaultHook: refuseInvalid });
  app.onError(createErrorHandler(deps.log));
  app.notFound(unknownPath);
  app.use(
    requestId({
      limitLength: REQUEST_ID_CHARS_MAX,
      generator: () => `req_${Buffer.from(deps.randomBytes(15)).toString("base64url")}`,
    }),
    accessLog(deps.log, deps.now),
    secureHeaders(),
    methodNotAllowed({ app, onMethodNotAllowed: answerMethodNotAllowed }),
    // Vendors send larger ones than people; their route has its own limit.
    limitBody(BODY_BYTES_MAX, { except: isWebhookPath }),
  );
  // Before the key is asked for: the contract is public.
  addReference(app, deps.version);
  const otpLimit = rateLimit(OTP_RATE_LIMIT, deps.now);
  app.use("/v1/*", authentication(deps.authenticate));
  app.use("/v1/otp/*", otpLimit);
  app.use("/v1/me/phone", otpLimit);
  // Apart from codes: links that are asked for in bulk must not keep anybody from signing in.
  const linkLimit = rateLimit(OTP_RATE_LIMIT, deps.now);
  app.use("/v1/me/phone/verification-link", linkLimit);
  app.use("/v1/users/:id/phone/verification-link", linkLimit);
  app.use(
    "/v1/*",
    rateLimit(deps.rateLimit ?? DEFAULT_RATE_LIMIT, deps.now),
    fixedPaths(app, answerMethodNotAllowed),
    strictJson(),
    idempotency({
      pool: deps.keyedPool,
      log: deps.log,
      now: deps.now,
      background: deps.background,
      except: ["/v1/notifications"],
    }),
  );
  return app
    .route("/", healthRoutes(deps))
    .route("/", webhookRoutes(deps))
    .route("/", ackPageRoutes(deps))
    .route("/", sandboxRoutes(deps))
    .route("/", createNotificationRoutes({ ...deps, pool: deps.keyedPool }))
    .route("/", notificationRoutes(deps))
    .route("/", notificationActRoutes(deps))
    .route("/", notificationRecordRoutes(deps))
    .route("/", inboundRoutes(deps))
    .route("/", wordRoutes(deps))
    .route("/", holidayRoutes(deps))
    .route("/", userRoutes(deps))
    .route("/", meRoutes(deps))
    .route("/", otpRoutes(deps))
    .route("/", phoneVerificationRoutes(deps))
    .route("/", optOutRoutes(deps))
    .route("/", pushSubscriptionRoutes(deps))
    .route("/", groupRoutes(deps))
    .route("/", groupMemberRoutes(deps))
    .route("/", policyRoutes(deps))
    .route("/", providerAccountRoutes(deps))
    .route("/", accountListRoutes(deps))
    .route("/", priceRoutes(deps))
    .route("/", costRoutes(deps))
    .route("/", apiKeyRoutes(deps))
    .route("/", setupRoutes(deps));
}

/**
 * For the typed client of the web app.
 *
 * @public
 */
export type AppType = ReturnType<typeof createApp>;
