/**
 * Who may import whom. One rule per folder; each says what the folder is for. `type-only` dependencies are listed
 * where a type is allowed but its value is not.
 *
 * @type {import('dependency-cruiser').IConfiguration}
 */

const OURS =
  "^(domain|rendering|workflows|activities|providers|db|api|worker|runtime|client|web|bench|test)/";
/** Composition roots and terminal programs: the only files that build things from the environment. */
const ENTRY_FILES =
  "^((api|worker|bench|runtime/demo|db/seed|providers/simulated)/main\\.ts|db/(migrate|admin-link)\\.ts)$";
const TEMPORAL = "^node_modules/@temporalio/";
const HONO = "^node_modules/(hono|@hono)/";

module.exports = {
  forbidden: [
    {
      name: "domain-imports-only-itself",
      comment: "domain/ is pure policy: no other folder, no package, no node module.",
      severity: "error",
      from: { path: "^domain/", pathNot: "^domain/phone-number\\.ts$" },
      to: { pathNot: "^domain/" },
    },
    {
      name: "phone-number-uses-its-library-only",
      comment: "domain/phone-number.ts is the one exception: a phone library is data, not I/O.",
      severity: "error",
      from: { path: "^domain/phone-number\\.ts$" },
      to: { pathNot: ["^domain/", "^node_modules/libphonenumber-js/"] },
    },
    {
      name: "rendering-imports-domain-and-its-engine",
      comment: "rendering/ turns data into texts: domain/ and the template engine, no I/O.",
      severity: "error",
      from: { path: "^rendering/" },
      to: {
        pathNot: ["^(domain|rendering)/", "^node_modules/(liquidjs|sms-segments-calculator)/"],
      },
    },
    {
      name: "workflows-import-domain-and-temporal",
      comment:
        "workflows/ is replayed: it may use domain/, itself, Temporal's workflow API and the type of activities/contract.ts.",
      severity: "error",
      from: { path: "^workflows/" },
      to: {
        pathNot: [
          "^(domain|workflows)/",
          "^node_modules/@temporalio/(workflow|common)/",
          "^activities/contract\\.ts$",
        ],
      },
    },
    {
      name: "workflows-take-only-types-from-activities",
      comment:
        "An activity's value pulls Node into the workflow bundle; import the contract's types.",
      severity: "error",
      from: { path: "^workflows/" },
      to: { path: "^activities/", dependencyTypesNot: ["type-only"] },
    },
    {
      name: "workflows-never-reach-the-phone-library",
      comment:
        "Its metadata would be loaded into every cached run: split the pure part out of the file that reaches it.",
      severity: "error",
      from: { path: "^workflows/" },
      to: { path: "^node_modules/libphonenumber-js/", reachable: true },
    },
    {
      name: "providers-import-domain-and-vendor-clients",
      comment:
        "providers/ speaks to vendors: no Temporal, no Hono, no database, no other folder than domain/.",
      severity: "error",
      from: { path: "^providers/" },
      to: { path: [OURS, TEMPORAL, HONO, "^node_modules/pg/"], pathNot: "^(domain|providers)/" },
    },
    {
      name: "providers-do-not-know-other-vendors",
      comment:
        "Vendor language stays in that vendor's folder; what two vendors share has a domain name.",
      severity: "error",
      from: { path: "^providers/([^/]+)/", pathNot: "^providers/simulated/" },
      to: { path: "^providers/[^/]+/", pathNot: "^providers/$1/" },
    },
    {
      name: "db-imports-domain-and-pg",
      comment:
        "db/ holds statements: no Temporal, no Hono, no vendor, no upper folder but the promise of activities/contract.ts.",
      severity: "error",
      from: { path: "^db/" },
      to: {
        path: [OURS, TEMPORAL, HONO],
        pathNot: ["^(domain|db)/", "^runtime/(?!demo/|embedded/)", "^activities/contract\\.ts$"],
      },
    },
    {
      name: "db-takes-only-types-from-activities",
      comment: "A contract holds names and types; db/ fulfils its shapes and needs no value of it.",
      severity: "error",
      from: { path: "^db/" },
      to: { path: "^activities/", dependencyTypesNot: ["type-only"] },
    },
    {
      name: "activities-import-domain-providers-db",
      comment:
        "activities/ acts on the world; shapes shared with workflows or api belong to domain/.",
      severity: "error",
      from: { path: "^activities/" },
      to: {
        path: [OURS, TEMPORAL, HONO],
        pathNot: [
          "^(domain|rendering|providers|db|activities)/",
          "^runtime/(?!demo/|embedded/)",
          "^node_modules/@temporalio/(activity|common)/",
          // Announcing a fact to a run is acting on the world; names and ids of runs are a contract.
          "^node_modules/@temporalio/client/",
          "^workflows/contract\\.ts$",
        ],
      },
    },
    {
      name: "api-routes-parse-call-map",
      comment:
        "A route parses, calls one verb and maps the result: no database, Temporal, activities or worker.",
      severity: "error",
      from: { path: "^api/routes/" },
      to: {
        path: [
          "^(db|activities|worker|workflows|runtime|client|web|bench|test)/",
          TEMPORAL,
          "^node_modules/pg/",
        ],
      },
    },
    {
      name: "api-routes-know-vendors-by-their-webhook",
      comment: "What a route may know of a vendor is how its webhook is read.",
      severity: "error",
      from: { path: "^api/routes/" },
      to: {
        path: "^providers/",
        pathNot: "^providers/([^/]+/webhook|provider|errors|registry)\\.ts$",
      },
    },
    {
      name: "api-verbs-know-no-http",
      comment:
        "A verb is callable without HTTP: no Hono, no status codes, no route, no other workflow file than the contract.",
      severity: "error",
      from: { path: "^api/verbs/" },
      to: {
        path: [OURS, HONO, TEMPORAL],
        pathNot: [
          "^(domain|rendering|db|providers|api/verbs)/",
          "^workflows/contract\\.ts$",
          "^runtime/(?!demo/|embedded/)",
          "^node_modules/@temporalio/(client|common)/",
        ],
      },
    },
    {
      name: "api-imports-no-worker-side",
      comment:
        "The API process never loads activities, the worker or workflow code beyond its contract.",
      severity: "error",
      from: { path: "^api/" },
      to: {
        path: [
          "^(activities|worker|workflows|bench|test|web)/",
          "^node_modules/@temporalio/(worker|workflow|activity)/",
        ],
        pathNot: "^workflows/contract\\.ts$",
      },
    },
    {
      name: "worker-imports-no-api-or-web",
      comment: "The worker composes everything but the API and the web app.",
      severity: "error",
      from: { path: "^worker/" },
      to: { path: ["^(api|web|bench|test)/", HONO] },
    },
    {
      name: "workflow-code-is-loaded-by-path",
      comment:
        "Workflow functions run in the sandbox from a bundle; only names and ids are imported.",
      severity: "error",
      from: { pathNot: "^(workflows|test|bench)/" },
      to: { path: "^workflows/", pathNot: "^workflows/contract\\.ts$" },
    },
    {
      name: "client-is-a-thin-entry",
      comment: "client/ is published: contract, domain and Temporal's client only.",
      severity: "error",
      from: { path: "^client/" },
      to: {
        pathNot: [
          "^(client|domain)/",
          "^workflows/contract\\.ts$",
          "^node_modules/@temporalio/(client|common)/",
          "^crypto$",
        ],
      },
    },
    {
      name: "runtime-imports-packages",
      comment: "runtime/ is what processes need to start: none of our folders but domain/.",
      severity: "error",
      from: { path: "^runtime/", pathNot: "^runtime/demo/" },
      to: { path: OURS, pathNot: "^(runtime/(?!demo/)|domain/)" },
    },
    {
      name: "runtime-values-only-in-entry-files",
      comment:
        "Configuration, logger and connections are built by the entry files and handed on; elsewhere only their types.",
      severity: "error",
      from: { path: OURS, pathNot: [ENTRY_FILES, "^(runtime|bench|test)/"] },
      to: { path: "^runtime/", dependencyTypesNot: ["type-only"] },
    },
    {
      name: "demo-is-a-program",
      comment:
        "runtime/demo/ composes the demo from the outside: only tests and measurements start it.",
      severity: "error",
      from: { pathNot: "^(runtime/demo|test|bench)/" },
      to: { path: "^runtime/demo/" },
    },
    {
      name: "web-knows-the-api-by-its-type",
      comment: "web/ uses the type AppType, domain/ and packages.",
      severity: "error",
      from: { path: "^web/" },
      to: { path: OURS, pathNot: ["^(web|domain)/", "^api/app\\.ts$"] },
    },
    {
      name: "web-takes-only-types-from-api",
      comment: "A value of the API would put server code into the browser.",
      severity: "error",
      from: { path: "^web/" },
      to: { path: "^api/", dependencyTypesNot: ["type-only"] },
    },
    {
      name: "nothing-imports-test-or-bench",
      comment: "Tests and measurements know the product; the product does not know them.",
      severity: "error",
      from: { pathNot: "^(test|bench)/" },
      to: { path: "^(test|bench)/" },
    },
    {
      name: "no-cycles",
      comment: "Two files that need each other are one file, or hide a third one.",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    {
      name: "no-orphans",
      comment: "A file that nobody imports and that imports nothing is dead or unfinished.",
      severity: "error",
      from: {
        orphan: true,
        pathNot: [
          "(^|/)\\.[^/]+\\.(js|cjs|mjs|ts)$",
          "\\.d\\.ts$",
          "\\.config\\.(js|ts)$",
          "^test/",
          "^bench/",
        ],
      },
      to: {},
    },
    {
      name: "no-dev-dependencies-in-production",
      comment: "What production imports is installed in production.",
      severity: "error",
      from: { path: OURS, pathNot: "^(test|bench|web)/" },
      to: { dependencyTypes: ["npm-dev"], dependencyTypesNot: ["type-only"] },
    },
    {
      name: "no-undeclared-dependencies",
      comment: "A package that package.json does not name is there by accident.",
      severity: "error",
      from: { path: OURS },
      to: { dependencyTypes: ["npm-no-pkg", "npm-unknown"] },
    },
    {
      name: "no-unresolvable",
      comment: "An import that resolves to nothing.",
      severity: "error",
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: "^node_modules" },
    exclude: { path: "^(dist|web/dist|\\.siaga|coverage)/" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "default", "types"],
    },
    skipAnalysisNotInRules: true,
  },
};
