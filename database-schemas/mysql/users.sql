-- Sample accounts. A password is stored as MySQL's old PASSWORD() gave it; this expression works on every server.

INSERT INTO `smpp_user` (`system_id`, `password`, `throughput`, `default_smsc`, `default_cost`,
  `enable_prepaid_billing`, `credit`, `simulate`, `simulate_deliver_every`, `simulate_permanent_failure_every`,
  `simulate_temporary_failure_every`, `simulate_mo_every`, `max_binds`) VALUES
-- Prepaid, 11 messages a second. Its credit is 0, as it has been since the first KSMPPD: before it sends where a route costs
-- something, UPDATE smpp_user SET credit = 10 WHERE system_id = 'smppuserA'
('smppuserA', CONCAT('*', UPPER(SHA1(UNHEX(SHA1('userA'))))), 11, 'ksmppd2', 0, 1, 0, 0, 0, 0, 0, 0, 0),
-- Simulated: every message is reported as delivered; at most 2 binds.
('smppuserB', CONCAT('*', UPPER(SHA1(UNHEX(SHA1('userB'))))), 0, NULL, 0, 0, 0, 1, 1, 0, 0, 0, 2),
-- Simulated: as above, and every second message comes back as an MO.
('smppuserC', CONCAT('*', UPPER(SHA1(UNHEX(SHA1('userC'))))), 0, NULL, 0, 0, 0, 1, 1, 0, 0, 2, 0);
