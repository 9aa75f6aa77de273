-- Sample routes. direction 1 = from ESMEs (regex on the receiver, smsc_id chooses the SMSC),
-- 2 = from the bearerbox (smsc_id is where the message came from, system_id gets it).

INSERT INTO `smpp_route` (`route_id`, `direction`, `regex`, `cost`, `system_id`, `smsc_id`) VALUES
(1, 1, '^(1800)', 1, 'smppusera', 'ksmppd2'),
(2, 1, '^(7800)', 1, 'smppusera', 'ksmppd3'),
(3, 2, '^(6800)', NULL, 'smppusera', 'ksmppd3');
