-- Flows of the cache are kept beside deployments: they belong to no endpoint.

alter table deployments drop constraint deployments_kind_check;
alter table deployments add constraint deployments_kind_check check (kind in ('deploy', 'undeploy', 'warm', 'refresh'));
alter table deployments alter column endpoint drop not null;
