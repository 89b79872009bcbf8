export { notification } from "./notification.ts";
export { sweep } from "./sweep.ts";
