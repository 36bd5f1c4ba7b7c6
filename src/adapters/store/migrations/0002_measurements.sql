-- What successful launches showed of memory and speed: one row a kind of launch, the newest wins.

create table measurements (
  model text not null,
  precision text not null,
  backend text not null,
  version text not null,
  card text not null,
  gpu_count integer not null,
  setup text not null,
  kv_bytes_per_gpu bigint,
  kv_tokens bigint,
  measured_at timestamptz(3) not null,
  primary key (model, precision, backend, version, card, gpu_count, setup)
);
