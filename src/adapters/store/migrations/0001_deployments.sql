-- What outlives Temporal's retention. Rows are written by id of the run, and more than once: no table refers to another,
-- because a run that was reset writes its plan and attempts under a new id before it has a row of its own.

create table deployments (
  workflow_id text not null,
  run_id text not null,
  -- Order of insertion: clocks of workers differ.
  number bigint generated always as identity unique,
  kind text not null check (kind in ('deploy', 'undeploy')),
  endpoint text not null,
  revision integer,
  actor text not null,
  reason text,
  request jsonb,
  state text not null,
  started_at timestamptz(3) not null default now(),
  ended_at timestamptz(3),
  error jsonb,
  result jsonb,
  primary key (workflow_id, run_id)
);

create index deployments_of_endpoint on deployments (endpoint, number desc);

create table plans (
  workflow_id text not null,
  run_id text not null,
  plan jsonb not null,
  primary key (workflow_id, run_id)
);

create table attempts (
  workflow_id text not null,
  run_id text not null,
  number integer not null,
  recipe text not null,
  node text not null,
  engine text not null,
  argv jsonb not null,
  env jsonb not null,
  outcome text not null check (outcome in ('ready', 'failed')),
  failure text,
  log_tail jsonb not null,
  started_at timestamptz(3) not null,
  ended_at timestamptz(3) not null,
  primary key (workflow_id, run_id, number)
);
