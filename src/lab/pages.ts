// The shop's application: small PHP pages that do real work, and the static pages beside them.

/** Files of the web root by path relative to it. */
export const pages: Readonly<Record<string, string>> = {
  'health.html': 'ok\n',
  'index.html': '<!doctype html>\n<html><head><title>Shop</title></head><body><h1>Shop</h1><p>Welcome.</p></body></html>\n',
  // About 20 ms of real CPU time, like a page that renders a list.
  'api/orders.php': `<?php
$digest = 'orders';
for ($i = 0; $i < 40000; $i++) {
    $digest = hash('sha256', $digest, true);
}
header('Content-Type: application/json');
echo json_encode(['orders' => [['id' => 1041, 'total' => 35.5], ['id' => 1042, 'total' => 12.0]], 'etag' => bin2hex(substr($digest, 0, 8))]), "\\n";
`,
  // Waits for something else, without using CPU: a slow query.
  'api/report.php': `<?php
$seconds = min(120.0, max(0.0, (float) ($_GET['seconds'] ?? 1)));
usleep((int) ($seconds * 1000000));
header('Content-Type: application/json');
echo json_encode(['report' => 'done', 'seconds' => $seconds]), "\\n";
`,
  // Burns CPU for a time.
  'api/search.php': `<?php
$until = microtime(true) + min(30000, max(0, (int) ($_GET['ms'] ?? 200))) / 1000;
$digest = 'search';
do {
    for ($i = 0; $i < 1000; $i++) {
        $digest = hash('sha256', $digest, true);
    }
} while (microtime(true) < $until);
header('Content-Type: application/json');
echo json_encode(['hits' => 3]), "\\n";
`,
  // Answers with a header of the size asked for.
  'api/profile.php': `<?php
$bytes = min(200000, max(0, (int) ($_GET['bytes'] ?? 200)));
header('X-Preferences: ' . str_repeat('p', $bytes));
header('Content-Type: application/json');
echo json_encode(['profile' => 'ok']), "\\n";
`,
  // Reads its body and keeps something in the session, which is a file.
  'api/upload.php': `<?php
$received = 0;
$in = fopen('php://input', 'rb');
while (!feof($in)) {
    $received += strlen((string) fread($in, 65536));
}
session_start();
$_SESSION['uploaded'] = $received;
session_write_close();
header('Content-Type: application/json');
echo json_encode(['received' => $received]), "\\n";
`,
  // Builds something large in memory.
  'api/export.php': `<?php
$megabytes = min(512, max(0, (int) ($_GET['mb'] ?? 4)));
$rows = [];
for ($i = 0; $i < $megabytes; $i++) {
    $rows[] = str_repeat(chr(65 + $i % 26), 1048576);
}
header('Content-Type: application/json');
echo json_encode(['rows' => count($rows)]), "\\n";
`,
  // Asks another service; which one is the deployment's business, not the caller's.
  'api/quote.php': `<?php
$url = trim((string) @file_get_contents(__DIR__ . '/../../config/price-service'));
$answer = $url === '' ? '{"price":1}' : @file_get_contents($url, false, stream_context_create(['http' => ['timeout' => 30]]));
if ($answer === false) {
    error_log('price service did not answer: ' . $url);
    http_response_code(500);
}
header('Content-Type: application/json');
echo json_encode(['quote' => $answer !== false]), "\\n";
`,
};
