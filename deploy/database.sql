-- Run once by PostgreSQL's image, on an empty volume: voicedash gets a role that owns its database and nothing else.
\set password `cat /run/secrets/database_password`
CREATE ROLE voicedash LOGIN PASSWORD :'password';
CREATE DATABASE voicedash OWNER voicedash;
REVOKE CONNECT ON DATABASE voicedash FROM PUBLIC;
