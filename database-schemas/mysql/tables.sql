CREATE TABLE IF NOT EXISTS `smpp_user` (
  `system_id` VARCHAR(15) NOT NULL,
  `password` VARCHAR(64) NOT NULL,
  `throughput` DOUBLE(10, 5) NOT NULL DEFAULT '0.00000',
  `default_smsc` VARCHAR(64),
  `default_cost` DOUBLE NOT NULL,
  `enable_prepaid_billing` INTEGER(10) UNSIGNED NOT NULL DEFAULT '0',
  `credit` DOUBLE NOT NULL DEFAULT '0',
  `callback_url` VARCHAR(255),
  `simulate` TINYINT(1) NOT NULL DEFAULT '0',
  `simulate_deliver_every` INTEGER(10) UNSIGNED NOT NULL,
  `simulate_permanent_failure_every` INTEGER(10) UNSIGNED NOT NULL,
  `simulate_temporary_failure_every` INTEGER(10) UNSIGNED NOT NULL,
  `simulate_mo_every` INTEGER(10) UNSIGNED NOT NULL,
  `max_binds` INTEGER(10) UNSIGNED NOT NULL DEFAULT '0',
  `connect_allow_ip` TEXT,
  PRIMARY KEY (`system_id`)
)ENGINE=InnoDB;

CREATE TABLE IF NOT EXISTS `smpp_route` (
  `route_id` BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  `direction` INTEGER NOT NULL,
  `regex` TEXT,
  `cost` DOUBLE,
  `system_id` VARCHAR(64),
  `smsc_id` VARCHAR(64),
  `source_regex` TEXT,
  `priority` INTEGER DEFAULT '0',
  PRIMARY KEY (`route_id`),
  KEY `direction` (`direction`),
  KEY `system_id` (`system_id`),
  KEY `smsc_id` (`smsc_id`)
)ENGINE=InnoDB DEFAULT CHARSET=latin1;

CREATE TABLE IF NOT EXISTS `smpp_store` (
  `global_id` BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  `sender` TEXT,
  `receiver` TEXT,
  `udhdata` TEXT,
  `msgdata` TEXT,
  `time` BIGINT NOT NULL,
  `smsc_id` TEXT,
  `smsc_number` TEXT,
  `foreign_id` TEXT,
  `service` TEXT,
  `account` TEXT,
  `id` VARCHAR(128),
  `sms_type` BIGINT NOT NULL,
  `mclass` BIGINT NOT NULL,
  `mwi` BIGINT NOT NULL,
  `coding` BIGINT NOT NULL,
  `compress` BIGINT NOT NULL,
  `validity` BIGINT NOT NULL,
  `deferred` BIGINT NOT NULL,
  `dlr_mask` BIGINT NOT NULL,
  `dlr_url` TEXT,
  `pid` BIGINT NOT NULL,
  `alt_dcs` BIGINT NOT NULL,
  `rpi` BIGINT NOT NULL,
  `charset` TEXT,
  `boxc_id` TEXT,
  `binfo` TEXT,
  `msg_left` BIGINT NOT NULL,
  `priority` BIGINT NOT NULL,
  `resend_try` BIGINT NOT NULL,
  `resend_time` BIGINT NOT NULL,
  `meta_data` TEXT,
  PRIMARY KEY (`global_id`),
  KEY `service` (`service`(16)),
  KEY `sms_type` (`sms_type`)
)ENGINE=InnoDB DEFAULT CHARSET=latin1;

CREATE TABLE IF NOT EXISTS `smpp_queued_pdu` (
  `global_id` BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  `system_id` VARCHAR(64) NOT NULL,
  `time` BIGINT,
  `pdu` BLOB,
  PRIMARY KEY (`global_id`),
  KEY `system_id` (`system_id`)
)ENGINE=InnoDB DEFAULT CHARSET=latin1;

CREATE TABLE IF NOT EXISTS `smpp_version` (
  `component` VARCHAR(54) NOT NULL,
  `version` INTEGER UNSIGNED NOT NULL,
  PRIMARY KEY (`component`)
)ENGINE=InnoDB;
