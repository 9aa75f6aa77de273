CREATE TABLE IF NOT EXISTS "smpp_user" (
  "system_id" TEXT COLLATE "NOCASE" NOT NULL,
  "password" TEXT COLLATE "NOCASE" NOT NULL,
  "throughput" REAL DEFAULT '0.00000' NOT NULL,
  "default_smsc" TEXT COLLATE "NOCASE",
  "default_cost" REAL NOT NULL,
  "enable_prepaid_billing" INTEGER DEFAULT '0' NOT NULL,
  "credit" REAL DEFAULT '0' NOT NULL,
  "callback_url" TEXT COLLATE "NOCASE",
  "simulate" INTEGER DEFAULT '0' NOT NULL,
  "simulate_deliver_every" INTEGER NOT NULL,
  "simulate_permanent_failure_every" INTEGER NOT NULL,
  "simulate_temporary_failure_every" INTEGER NOT NULL,
  "simulate_mo_every" INTEGER NOT NULL,
  "max_binds" INTEGER DEFAULT '0' NOT NULL,
  "connect_allow_ip" TEXT COLLATE "NOCASE",
  PRIMARY KEY ("system_id")
);

CREATE TABLE IF NOT EXISTS "smpp_route" (
  "route_id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  "direction" INTEGER NOT NULL,
  "regex" TEXT COLLATE "NOCASE",
  "cost" REAL,
  "system_id" TEXT COLLATE "NOCASE",
  "smsc_id" TEXT COLLATE "NOCASE",
  "source_regex" TEXT COLLATE "NOCASE",
  "priority" INTEGER DEFAULT '0'
);

CREATE INDEX IF NOT EXISTS "smpp_route_direction" ON "smpp_route" ("direction");

CREATE INDEX IF NOT EXISTS "smpp_route_system_id" ON "smpp_route" ("system_id");

CREATE INDEX IF NOT EXISTS "smpp_route_smsc_id" ON "smpp_route" ("smsc_id");

CREATE TABLE IF NOT EXISTS "smpp_store" (
  "global_id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  "sender" BLOB,
  "receiver" BLOB,
  "udhdata" BLOB,
  "msgdata" BLOB,
  "time" INTEGER NOT NULL,
  "smsc_id" BLOB,
  "smsc_number" BLOB,
  "foreign_id" BLOB,
  "service" TEXT COLLATE "NOCASE",
  "account" BLOB,
  "id" TEXT COLLATE "NOCASE",
  "sms_type" INTEGER NOT NULL,
  "mclass" INTEGER NOT NULL,
  "mwi" INTEGER NOT NULL,
  "coding" INTEGER NOT NULL,
  "compress" INTEGER NOT NULL,
  "validity" INTEGER NOT NULL,
  "deferred" INTEGER NOT NULL,
  "dlr_mask" INTEGER NOT NULL,
  "dlr_url" BLOB,
  "pid" INTEGER NOT NULL,
  "alt_dcs" INTEGER NOT NULL,
  "rpi" INTEGER NOT NULL,
  "charset" BLOB,
  "boxc_id" BLOB,
  "binfo" BLOB,
  "msg_left" INTEGER NOT NULL,
  "priority" INTEGER NOT NULL,
  "resend_try" INTEGER NOT NULL,
  "resend_time" INTEGER NOT NULL,
  "meta_data" BLOB
);

CREATE INDEX IF NOT EXISTS "smpp_store_service" ON "smpp_store" ("service");

CREATE INDEX IF NOT EXISTS "smpp_store_sms_type" ON "smpp_store" ("sms_type");

CREATE TABLE IF NOT EXISTS "smpp_queued_pdu" (
  "global_id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  "system_id" TEXT COLLATE "NOCASE" NOT NULL,
  "time" INTEGER,
  "pdu" BLOB
);

CREATE INDEX IF NOT EXISTS "smpp_queued_pdu_system_id" ON "smpp_queued_pdu" ("system_id");

CREATE TABLE IF NOT EXISTS "smpp_version" (
  "component" TEXT COLLATE "NOCASE" NOT NULL,
  "version" INTEGER NOT NULL,
  PRIMARY KEY ("component")
);
