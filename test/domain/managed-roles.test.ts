import { describe, expect, it } from "vitest";
import type { Actor } from "../../domain/actor.ts";
import { managesRole, mayChangeRole, mayPlaceIn } from "../../domain/managed-roles.ts";
import { ROLES } from "../../domain/role.ts";
import type { Role } from "../../domain/role.ts";

const person = (role: Role, zones: readonly string[] = ["karawang"]): Actor => ({
  kind: "user",
  userId: "usr_1",
  role,
  zones,
  name: null,
  sender: "user",
  keyId: null,
});
const system = (...scopes: Extract<Actor, { kind: "system" }>["scopes"]): Actor => ({
  kind: "system",
  keyId: "key_1",
  sender: "system",
  name: "A system",
  scopes,
});

describe("managesRole", () => {
  it.each([
    { who: "an administrator", actor: person("admin"), roles: ROLES },
    { who: "a supervisor", actor: person("supervisor"), roles: ["technician", "customer"] },
    {
      who: "a system's key for master data",
      actor: system("master:write"),
      roles: ROLES.filter((role) => role !== "admin"),
    },
    { who: "a system's key for everything", actor: system("admin"), roles: ROLES },
  ])("$who looks after $roles", ({ actor, roles }) => {
    expect(ROLES.filter((role) => managesRole(actor, role))).toEqual(roles);
  });
});

describe("mayChangeRole", () => {
  it.each([
    { actor: person("admin"), from: "technician", to: "admin", may: true, reason: "gives roles" },
    {
      actor: person("supervisor"),
      from: "technician",
      to: "customer",
      may: false,
      reason: "roles are an administrator's, harmless ones too",
    },
    {
      actor: person("supervisor"),
      from: "technician",
      to: "technician",
      may: true,
      reason: "no change",
    },
    {
      actor: system("master:write"),
      from: "technician",
      to: "manager",
      may: true,
      reason: "keeps the company's roles in step",
    },
    {
      actor: system("master:write"),
      from: "manager",
      to: "admin",
      may: false,
      reason: "makes no administrator",
    },
    {
      actor: system("master:write"),
      from: "admin",
      to: "technician",
      may: false,
      reason: "unmakes none",
    },
  ] as const)("$from to $to: $may, $reason", ({ actor, from, to, may }) => {
    expect(mayChangeRole(actor, from, to)).toBe(may);
  });
});

describe("mayPlaceIn", () => {
  const supervisor = person("supervisor", ["karawang", "subang"]);

  it.each([
    { actor: supervisor, zones: ["karawang"], may: true, reason: "own" },
    { actor: supervisor, zones: ["karawang", "subang"], may: true, reason: "all own" },
    { actor: supervisor, zones: ["karawang", "bekasi"], may: false, reason: "one isn't" },
    { actor: supervisor, zones: [], may: false, reason: "no zone is everywhere" },
    {
      actor: person("admin", []),
      zones: [],
      may: true,
      reason: "everywhere is an administrator's",
    },
    { actor: person("noc"), zones: ["karawang"], may: false, reason: "writes nobody" },
    { actor: system("master:write"), zones: ["bekasi"], may: true, reason: "everywhere" },
    { actor: system("master:read"), zones: ["bekasi"], may: false, reason: "reads only" },
  ])("$zones: $may, $reason", ({ actor, zones, may }) => {
    expect(mayPlaceIn(actor, "write_users", zones)).toBe(may);
    expect(mayPlaceIn(actor, "write_groups", zones)).toBe(may);
  });
});
