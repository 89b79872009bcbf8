export { answer } from "./answer.ts";
export { ask } from "./ask.ts";
export { inventory } from "./inventory.ts";
export { notification } from "./notification.ts";
export { probe } from "./probe.ts";
export { sweep } from "./sweep.ts";
