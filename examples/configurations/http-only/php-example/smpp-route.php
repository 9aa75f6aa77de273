<?php
/*
 * Where a message goes: ksmppd asks this page once for each message (routing-method = 2, http-routing-url).
 *
 * It sends what is set of these headers; those with a % or + below are URL-encoded (smsc-id too), see urldecode():
 *
 *   X-KSMPPD-sender             12345
 *   X-KSMPPD-receiver           %2B491701234567
 *   X-KSMPPD-udhdata            %05%00%03%A5%02%01
 *   X-KSMPPD-msgdata            Hello+world            UTF-8; octets for binary, UTF-16BE for coding 2
 *   X-KSMPPD-time               1700000000
 *   X-KSMPPD-smsc-id            ksmppd1                1: the account's default SMSC, 2: where it came from
 *   X-KSMPPD-smsc-number        12345
 *   X-KSMPPD-foreign-id         4711
 *   X-KSMPPD-service            smppusera              1: the sending account
 *   X-KSMPPD-account            account
 *   X-KSMPPD-id                 dcd3c2b4-1111-4222-8333-0123456789ab
 *   X-KSMPPD-sms-type           2                      2 from an ESME, 0 to an ESME
 *   X-KSMPPD-mclass             1
 *   X-KSMPPD-mwi                0
 *   X-KSMPPD-coding             0                      0 text, 1 binary, 2 UCS-2
 *   X-KSMPPD-compress           0
 *   X-KSMPPD-validity           1700086400
 *   X-KSMPPD-deferred           1700003600
 *   X-KSMPPD-dlr-mask           19
 *   X-KSMPPD-dlr-url            smppusera%7C1700000000%7Cdcd3c2b4-1111-4222-8333-0123456789ab
 *   X-KSMPPD-pid                0
 *   X-KSMPPD-alt-dcs            0
 *   X-KSMPPD-rpi                0
 *   X-KSMPPD-charset            UTF-8
 *   X-KSMPPD-boxc-id            KSMPPD
 *   X-KSMPPD-binfo              BILL1
 *   X-KSMPPD-msg-left           1
 *   X-KSMPPD-priority           0
 *   X-KSMPPD-resend-try         0
 *   X-KSMPPD-resend-time        0
 *   X-KSMPPD-meta-data          %3Fsmpp%3F
 *   X-KSMPPD-Routing-Direction  1                      1 from an ESME to the SMSC, 2 from the SMSC to an ESME
 *
 * An answer with X-KSMPPD-Route-Status other than 0 and a X-KSMPPD-Route-Cost (credits a part; 0 is one too) routes the
 * message; any of the headers above replaces that field of the message, this time not URL-encoded. Status 0 refuses it;
 * X-KSMPPD-Route-Error-Code, a decimal number, is then the command_status that the ESME gets.
 */

header('X-KSMPPD-Route-Status: 1');
header('X-KSMPPD-Route-Cost: 1.0');

if (($_SERVER['HTTP_X_KSMPPD_ROUTING_DIRECTION'] ?? '') === '1') {
    header('X-KSMPPD-SMSC-ID: ksmppd3');
} else {
    header('X-KSMPPD-Service: smppusera');
}
