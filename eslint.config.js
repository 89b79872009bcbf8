import { defineConfig } from "eslint/config";
import tseslint from "typescript-eslint";

/**
 * Typed rules are not optional in this field: a floating promise in workflow or activity code is the classic defect.
 * Folder rules name what to do instead; what the compiler already sees (node globals in domain/ and workflows/) is
 * left to the compiler.
 */

const NO_PROCESS_ENV = {
  selector: "MemberExpression[object.name='process'][property.name='env']",
  message: "The environment is read in runtime/env.ts only; take what you need as an argument.",
};

const NO_DATE_NOW = {
  selector: "CallExpression[callee.object.name='Date'][callee.property.name='now']",
  message: "domain/ has no clock: take `now` (epoch ms) as an argument.",
};
const NO_BARE_DATE = {
  selector: "NewExpression[callee.name='Date'][arguments.length=0]",
  message: "domain/ has no clock: take `now` (epoch ms) as an argument.",
};
const NO_RANDOM = {
  selector: "MemberExpression[object.name='Math'][property.name='random']",
  message: "domain/ has no randomness: take the random value or id as an argument.",
};
const NO_AMBIENT_LOCAL_TIME = {
  selector:
    "CallExpression[callee.property.name=/^(getFullYear|getMonth|getDate|getDay|getHours|getMinutes|getSeconds|getTimezoneOffset|setFullYear|setMonth|setDate|setHours|setMinutes|setSeconds|toLocaleString|toLocaleDateString|toLocaleTimeString)$/]:not([callee.object.type='Identifier'][callee.object.name=/^(amount|count|number)$/])",
  message: "Local time depends on the host's zone: pass `timeZone` and use domain/ time functions.",
};
const NO_ZONELESS_INTL = {
  selector:
    "NewExpression[callee.object.name='Intl'][callee.property.name='DateTimeFormat']:not(:has(Property[key.name='timeZone']))",
  message: "Intl.DateTimeFormat without `timeZone` uses the host's zone: name the zone.",
};
const NO_TEMPORAL_NOW = {
  selector: "MemberExpression[object.name='Temporal'][property.name='Now']",
  message:
    "Temporal.Now is not replay-safe in workflow code: use Date.now(), which the SDK replaces.",
};
const NO_TOP_LEVEL_LET = {
  selector: "Program > VariableDeclaration[kind='let']",
  message:
    "Determinism: workflows of one process may share a module; keep state inside the workflow function.",
};

const NODE_MODULES = {
  group: ["node:*"],
  message: "This folder is pure: what needs Node belongs to activities/, db/ or runtime/.",
};

export default defineConfig(
  {
    ignores: ["dist/", "web/dist/", ".siaga/", "coverage/", "node_modules/"],
  },
  {
    files: ["**/*.ts", "**/*.tsx"],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      eqeqeq: "error",
      "no-console": "error",
      "no-restricted-syntax": ["error", NO_PROCESS_ENV],
      "@typescript-eslint/no-floating-promises": "error",
      // An app with routes is a Hono of another type parameter; the rule takes each for another class.
      "@typescript-eslint/no-unsafe-class-instance-assignment": "off",
      "@typescript-eslint/no-misused-promises": "error",
      "@typescript-eslint/switch-exhaustiveness-check": [
        "error",
        { considerDefaultExhaustiveForUnions: true },
      ],
      "@typescript-eslint/only-throw-error": "error",
      "@typescript-eslint/consistent-type-imports": [
        "error",
        { fixStyle: "separate-type-imports" },
      ],
      "@typescript-eslint/consistent-type-exports": "error",
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/no-non-null-assertion": "error",
      // Numbers print as one expects; everything else must be made text on purpose.
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      // Expression-bodied callbacks that return void are how handlers and hooks are usually written.
      "@typescript-eslint/no-confusing-void-expression": [
        "error",
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      // An interface's method may need no `await` in one implementation (fakes, simulated vendors).
      "@typescript-eslint/require-await": "off",
      // Contradicts noPropertyAccessFromIndexSignature, which stays on.
      "@typescript-eslint/dot-notation": "off",
      "@typescript-eslint/no-unused-vars": [
        "error",
        { argsIgnorePattern: "^_", varsIgnorePattern: "^_", ignoreRestSiblings: true },
      ],
      "no-restricted-exports": ["error", { restrictDefaultExports: { direct: true } }],
    },
  },
  {
    files: ["domain/**/*.ts"],
    rules: {
      "no-restricted-imports": ["error", { patterns: [NODE_MODULES] }],
      "no-restricted-syntax": [
        "error",
        NO_PROCESS_ENV,
        NO_DATE_NOW,
        NO_BARE_DATE,
        NO_RANDOM,
        NO_AMBIENT_LOCAL_TIME,
        NO_ZONELESS_INTL,
      ],
    },
  },
  {
    files: ["workflows/**/*.ts"],
    rules: {
      "no-restricted-imports": [
        "error",
        {
          patterns: [
            NODE_MODULES,
            {
              group: ["zod", "zod/*", "luxon", "liquidjs", "pino"],
              message:
                "A library in workflow code costs memory in every cached run; decide in domain/.",
            },
          ],
        },
      ],
      "no-restricted-syntax": [
        "error",
        NO_PROCESS_ENV,
        NO_TEMPORAL_NOW,
        NO_TOP_LEVEL_LET,
        NO_AMBIENT_LOCAL_TIME,
        NO_ZONELESS_INTL,
      ],
    },
  },
  {
    files: ["runtime/env.ts"],
    rules: { "no-restricted-syntax": "off" },
  },
  {
    // Programs that talk to a person on a terminal.
    files: ["runtime/demo/**/*.ts", "bench/**/*.ts", "db/migrate.ts", "db/seed/main.ts"],
    rules: { "no-console": "off" },
  },
  {
    files: ["test/**/*.ts"],
    rules: {
      // Tests describe outside behaviour: they may set up environments and hand over unbound fakes.
      "no-restricted-syntax": "off",
      "@typescript-eslint/unbound-method": "off",
    },
  },
  {
    // Tools read their configuration from a default export.
    files: ["*.config.ts", "*.config.js", "test/support/global-setup.ts"],
    rules: { "no-restricted-exports": "off" },
  },
);
