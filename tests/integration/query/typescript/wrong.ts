// Uses that must not compile: each line that is marked, and no other.
import createClient from "openapi-fetch";

import type { components, paths } from "./schema";

const api = createClient<paths>({ baseUrl: "http://127.0.0.1:8080" });
const query = { status: ["eror" as const] };

export const wrongs = [
  api.GET("/v1/log/{kind}", { params: { path: { kind: "order" } } }), // wrong: no such route
  api.GET("/v1/logs/{kind}", { params: { path: { kind: "orders" } } }), // wrong: no such kind
  api.GET("/v1/logs/{kind}", { params: { path: { kind: "order" }, query } }), // wrong: no such status
  api.GET("/v1/logs/{kind}/{affiliate}/{code}", { params: { path: { kind: "order", code: "1" } } }), // wrong: no affiliate
  api.POST("/v1/reprocess", { body: { items: [{ affiliate: "MLC", code: "1" }] } }), // wrong: no kind
  api.POST("/v1/reprocess", { body: { kind: "order", dryrun: true } }), // wrong: no such field
  api.POST("/v1/reprocess", { body: { kind: "order", filter: { state: ["error"] } } }), // wrong: no such filter
  api.POST("/v1/exports", { body: { format: "pdf" } }), // wrong: no such format
  api.GET("/v1/dead-letters/{letter_id}/raw", { params: { path: { letter_id: "a:0:1:b" } } }), // wrong: no reason
];

export function unchecked(entry: components["schemas"]["EntryAnswer"], job: components["schemas"]["ExportAnswer"]): number {
  const since: string = entry.failing_since; // wrong: may be null
  const state: components["schemas"]["JobState"] = entry.status; // wrong: of another thing
  const payload: object = entry.payload; // wrong: may be anything
  return job.rows + since.length + state.length + Object.keys(payload).length; // wrong: rows may be null
}
