CREATE TABLE IF NOT EXISTS smpp_audit (
  entry_id BIGSERIAL NOT NULL,
  happened_at FLOAT(53) NOT NULL,
  username VARCHAR(255) NOT NULL,
  address VARCHAR(64) NOT NULL,
  operation VARCHAR(32) NOT NULL,
  subject VARCHAR(255) NOT NULL,
  value_before TEXT NOT NULL,
  value_after TEXT NOT NULL,
  PRIMARY KEY (entry_id)
);

CREATE INDEX smpp_audit_subject ON smpp_audit (subject);

CREATE TABLE IF NOT EXISTS smpp_credit_log (
  entry_id BIGSERIAL NOT NULL,
  system_id VARCHAR(64) NOT NULL,
  happened_at FLOAT(53) NOT NULL,
  username VARCHAR(255) NOT NULL,
  address VARCHAR(64) NOT NULL,
  amount FLOAT(53) NOT NULL,
  credit FLOAT(53) NOT NULL,
  reason TEXT NOT NULL,
  request_key VARCHAR(128) NOT NULL,
  PRIMARY KEY (entry_id)
);

CREATE INDEX smpp_credit_log_account ON smpp_credit_log (system_id, request_key);

CREATE TABLE IF NOT EXISTS smpp_message_id (
  entry_id BIGSERIAL NOT NULL,
  system_id VARCHAR(64) NOT NULL,
  next_position BIGINT NOT NULL,
  PRIMARY KEY (entry_id),
  UNIQUE (system_id)
);
