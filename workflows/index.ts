export { answer } from "./answer.ts";
export { notification } from "./notification.ts";
export { sweep } from "./sweep.ts";
