<?php
/*
 * Who may bind: ksmppd asks this page once for each bind (auth-method = 2, auth-url).
 *
 * It sends these headers, neither of the first two URL-encoded:
 *   X-KSMPPD-system-id   smppuserA
 *   X-KSMPPD-password    userA
 *   X-KSMPPD-ip          10.0.0.5, the ESME's address
 *
 * $_SERVER knows them as HTTP_X_KSMPPD_..., whatever web server PHP runs under.
 *
 * The bind is accepted by status 200 and X-KSMPPD-Auth with a number that isn't 0. Everything else refuses it, and counts
 * for the block list of addresses; only 429, statuses from 500 on and no answer at all mean "try again later".
 * Besides the headers below there are X-KSMPPD-Default-SMSC, X-KSMPPD-Default-SMSC-Cost, X-KSMPPD-Alt-Charset,
 * X-KSMPPD-Switch-DLR-Addr, X-KSMPPD-DLR-Err-Length, X-KSMPPD-Max-Open-Acks and X-KSMPPD-Enable-Prepaid-Billing.
 */

$accounts = [
    'smppuserA' => ['userA', [
        'Throughput' => '10',               // messages a second
        'Max-Binds' => '2',
        'Connect-Allow-IP' => '*.*.*.*',    // patterns, ";" between
    ]],
    'smppuserB' => ['userB', [
        'Throughput' => '10',
        'Max-Binds' => '2',
    ]],
    'smppuserC' => ['userC', [
        'Simulate' => '1',                      // its messages go nowhere
        'Simulate-Deliver-Every' => '1',        // each gets a report
        'Simulate-MO-Every' => '10',            // every tenth comes back as a message
        'Permanent-Failure-Every' => '50',
        'Temporary-Failure-Every' => '50',
    ]],
];

$system_id = $_SERVER['HTTP_X_KSMPPD_SYSTEM_ID'] ?? '';
$password = $_SERVER['HTTP_X_KSMPPD_PASSWORD'] ?? '';

[$expected, $settings] = $accounts[$system_id] ?? [null, []];

if ($expected !== null && hash_equals($expected, $password)) {
    header('X-KSMPPD-Auth: 1');
    foreach ($settings as $name => $value) {
        header("X-KSMPPD-$name: $value");
    }
} else {
    header('X-KSMPPD-Auth: 0');    // without the header ksmppd refuses, too, and warns that it is missing
}
