import type { BasicModule } from "./messages.ts";

const GUARD = `select unauthorized('members only') where exists (select 1 from members)
  and not exists (select 1 from members where did = $requesting_user);`;

/** A query of the reference module: members only, once there are members. */
export function guarded(sql: string): string {
  return `${GUARD}\n${sql}`;
}

/**
 * The module of every stream that needs no other (L-6): a chat with rooms. A stream without `grant` is public; each
 * event is written once, by its `eid`; only its author changes a message.
 */
export const REFERENCE_MODULE: BasicModule = {
  initSql: `create table if not exists seen (eid text primary key);
create table if not exists members (did text primary key);
create table if not exists msgs (idx integer primary key, eid text not null unique, user text not null, room text, body text, deleted integer not null default 0);`,
  authorizer: `select unauthorized('not a member') from event where exists (select 1 from members) and user not in (select did from members);
select unauthorized('duplicate', eid) from seen where eid = (select drisl_extract(payload, '.eid') from event);
select unauthorized('not the author') from event where drisl_extract(payload, '.kind') in ('edit', 'delete')
  and not exists (select 1 from msgs m where m.eid = drisl_extract(event.payload, '.target') and m.user = event.user);`,
  materializer: `insert into seen select drisl_extract(payload, '.eid') from event where drisl_extract(payload, '.eid') is not null;
insert or ignore into members select drisl_extract(payload, '.did') from event where drisl_extract(payload, '.kind') = 'grant';
insert into msgs (idx, eid, user, room, body) select idx, drisl_extract(payload, '.eid'), user, drisl_extract(payload, '.room'), drisl_extract(payload, '.body') from event where drisl_extract(payload, '.kind') = 'post';
update msgs set body = (select drisl_extract(payload, '.body') from event) where eid = (select drisl_extract(payload, '.target') from event where drisl_extract(payload, '.kind') = 'edit');
update msgs set deleted = 1 where eid = (select drisl_extract(payload, '.target') from event where drisl_extract(payload, '.kind') = 'delete');`,
  queries: [
    {
      name: "log",
      sql: guarded("select idx, user, payload from events where idx >= $start and idx < $start + $limit order by idx"),
      params: [],
    },
    {
      name: "room",
      sql: guarded(
        "select u.upTo, m.* from (select coalesce(max(idx), 0) as upTo from events) u left join msgs m on m.room = $room order by m.idx",
      ),
      params: [{ name: "room", kind: "text", optional: false }],
    },
    {
      name: "count",
      sql: guarded("select (select count(*) from msgs) as n, coalesce(max(idx), 0) as upTo from events"),
      params: [],
    },
  ],
};
