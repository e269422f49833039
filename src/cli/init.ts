import type { Binding } from "../core/binding.ts";

/** A commented target file for a binding; what is commented out shows the default. */
export function targetTemplate(binding: Binding): string {
  const { manifest } = binding;
  const capabilities = Object.entries(manifest.capabilities).map(
    ([name, capability]) => `#   ${name}: ${capability.default}   # ${capability.meaning}`,
  );
  const example = binding.requirements.find((requirement) => requirement.level === "MUST");
  return `# yaml-language-server: $schema=./node_modules/rollcall/schemas/target.schema.json
# A server that Rollcall tests. \${NAME} takes a value from the environment, \${NAME:-otherwise} with a default.

binding: ${manifest.name}
# dialect: ${manifest.dialects[0]}

# Where it is. Either it runs already …
url: http://127.0.0.1:3000
# basePath: /api/v1

# … or Rollcall starts it, and leaves out url.
# start:
#   command: npm run server
#   env: { PORT: "{port}" }          # {port}: a free port
#   ready: { http: /healthz, withinMs: 30000 }

# headers: { x-team: ci }
# tls: { ca: ./ca.pem }              # an own certificate authority

# How simulated users prove who they are.
credential:
  recipe: serviceJwt                 # serviceJwt | account | none
  audience: did:web:rooms.example    # serviceJwt: aud
  # method: null                     # serviceJwt: lxm
  # show: query:authToken            # query:<name> | cookie:<name> | bearer
  # register: /auth/register         # account: leave out when accounts exist
  # login: /auth/login
  # token: cookie:authToken          # cookie:<name> | json:<field path>
  # userId: json:id
  # nameQuery: user                  # none

# What the server can do. Declared off: what depends on it is skipped. On and absent: it fails.
# capabilities:
${capabilities.join("\n")}

# limits: { clientsMax: 200 }        # never more clients, whatever a scenario asks
# hooks: { health: /healthz, metrics: { path: /metrics, prefix: "" } }

# Failures that are known. One that passes, or is past its date, is an error: the list stays true.
# known:
#   - { id: ${example?.id ?? "PLAY-ERR-01"}, reason: lost, rate: always, because: "issue 12", until: 2027-03-01 }
`;
}
