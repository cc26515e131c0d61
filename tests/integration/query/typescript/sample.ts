// What a front end does with our API, typed by /openapi.json alone. It has to compile under --strict; nothing runs it.
import createClient, { type Middleware } from "openapi-fetch";

import type { components, paths } from "./schema";

type Entry = components["schemas"]["EntryAnswer"];
type Kind = components["schemas"]["Kind"];
type Problem = components["schemas"]["Problem"];

const withKey = (key: string): Middleware => ({
  onRequest({ request }) {
    request.headers.set("Authorization", `Bearer ${key}`);
    return request;
  },
});

const api = createClient<paths>({ baseUrl: "http://127.0.0.1:8080" });
api.use(withKey(String(globalThis.localStorage?.getItem("key"))));

class Refused extends Error {
  constructor(readonly problem: Problem) {
    const fields = problem.errors?.map((error) => `${error.field}: ${error.reason}`) ?? [];
    super([problem.detail, ...fields, problem.correlation_id ?? "no id"].join("; "));
  }
}

/** Every page of a list, by its cursors. */
export async function* failures(kind: Kind, affiliate: string): AsyncGenerator<components["schemas"]["EntryItem"]> {
  let cursor: string | null = null;
  do {
    const { data, error } = await api.GET("/v1/logs/{kind}", {
      params: {
        path: { kind },
        query: {
          affiliate: [affiliate],
          status: ["error", "warning"],
          retry: ["auto"],
          from: new Date(0).toISOString(),
          date_axis: "received_at",
          sort: "-processed_at",
          limit: 100,
          ...(cursor === null ? {} : { cursor }),
        },
      },
    });
    if (error) throw new Refused(error);
    if (!("total" in data)) return;
    const page = data as components["schemas"]["EntryPage"];
    yield* page.items;
    cursor = page.next_cursor;
  } while (cursor !== null);
}

/** What to tell a person about an entry. */
export async function explain(kind: Kind, affiliate: string, code: string): Promise<string> {
  const { data, error, response } = await api.GET("/v1/logs/{kind}/{affiliate}/{code}", {
    params: { path: { kind, affiliate, code }, query: { lang: "en" } },
  });
  if (response.status === 404) return "nothing is known of it";
  if (error) throw new Refused(error);
  const entry: Entry = data;
  const since = entry.failing_since === null ? "works" : `fails since ${entry.failing_since}`;
  return [since, ...entry.causes.map((cause) => `${cause.title}: ${cause.guidance} (${cause.retry})`)].join("\n");
}

/** What happened to an item, wherever it is sold. */
export async function story(id: string): Promise<string[]> {
  const { data, error } = await api.GET("/v1/stories/{item_id}", {
    params: { path: { item_id: id }, query: { kind: ["price", "stock"], limit: 100 } },
  });
  if (error) throw new Refused(error);
  const stands = data.entries.map((entry) => `${entry.kind} ${entry.marketplace}: ${entry.status}`);
  const told = data.timeline.map((one) => `${one.processed_at} ${one.marketplace} ${one.causes[0]?.title ?? one.message}`);
  return [...stands, ...told, ...(data.complete ? [] : ["and more"])];
}

/** How many failed, by kind. */
export async function failed(): Promise<Record<string, number>> {
  const { data, error } = await api.GET("/v1/summary", { params: { query: { kind: ["order", "stock"], bucket: "day" } } });
  if (error) throw new Refused(error);
  return Object.fromEntries(Object.entries(data.by_kind).map(([kind, counts]) => [kind, counts["error"] ?? 0]));
}

/** What failed most, and since when. */
export async function worst(kind: Kind): Promise<string[]> {
  const { data, error } = await api.GET("/v1/groups", { params: { query: { kind: [kind], limit: 5 } } });
  if (error) throw new Refused(error);
  return data.items.map((one) => {
    const exactly = one.count.relation === "exact" ? "" : "at least ";
    return `${exactly}${one.count.value}: ${one.template}, since ${one.first_seen_at ?? "long ago"}, today ${one.trend.at(-1)?.items.value}`;
  });
}

/** Look first, then send again. */
export async function sendAgain(kind: Kind, code: string): Promise<string> {
  const body = { kind, filter: { status: ["error" as const], error_code: [code] }, reason: "repaired" };
  const looked = await api.POST("/v1/reprocess", { body: { ...body, dry_run: true } });
  if (looked.error) throw new Refused(looked.error);
  const { data, error } = await api.POST("/v1/reprocess", {
    params: { header: { "Idempotency-Key": crypto.randomUUID() } },
    body,
  });
  if (error) throw new Refused(error);
  if (!("id" in data)) throw new Error("a dry run was answered");
  const job = await api.GET("/v1/reprocess/{job_id}", { params: { path: { job_id: data.id } } });
  if (job.error) throw new Refused(job.error);
  return `${job.data.state}: ${job.data.outcome?.answered.success ?? "not counted"}`;
}

/** A report, when it is done. */
export async function report(): Promise<Blob | null> {
  const asked = await api.POST("/v1/exports", { body: { kinds: ["order"], format: "csv", filter: { q: "2000" } } });
  if (asked.error) throw new Refused(asked.error);
  const params = { path: { job_id: asked.data.id } };
  const { data: job } = await api.GET("/v1/exports/{job_id}", { params });
  if (job?.state !== "done") return null;
  const { data } = await api.GET("/v1/exports/{job_id}/file", { params, parseAs: "blob" });
  return data ?? null;
}

/** Pause an integration, unless someone else changed it meanwhile. */
export async function pause(affiliate: string): Promise<boolean> {
  const { data } = await api.GET("/v1/integrations/{affiliate}", { params: { path: { affiliate } } });
  if (data?.etag == null) return false;
  const { response } = await api.PATCH("/v1/integrations/{affiliate}", {
    params: { path: { affiliate }, header: { "If-Match": data.etag } },
    body: { paused: true },
  });
  return response.status !== 412;
}
