// Secrets as real systems spill them, each in the place and the shape in which it is found there. `{}` is the secret; `#` numbers the
// plant, so that a test can see that the line around the secret did become evidence.

/** Lines of an access log in the combined format, between `"` and `" 502`. Then the referrer. */
export const requestLines: readonly (readonly [string, string])[] = [
  ['GET /p#?token={} HTTP/1.1', '-'],
  ['GET /p#?api_key={}&page=2 HTTP/1.1', '-'],
  ['GET /p#?page=2&x={}aaaabbbb HTTP/1.1', '-'],
  ['GET /p#?password={} HTTP/1.1', '-'],
  ['GET /p#?user=a&pwd={} HTTP/1.1', '-'],
  ['GET /p#?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature={}&X-Amz-Credential={}%2F20261123 HTTP/1.1', '-'],
  ['GET /p#?OSSAccessKeyId=LTAI{}&Expires=1790000000&Signature={} HTTP/1.1', '-'],
  ['GET /p#;jsessionid={} HTTP/1.1', '-'],
  ['GET /p#?next=https%3A%2F%2Fshop.example.com%2Fcb%3Ftoken%3D{} HTTP/1.1', '-'],
  ['GET /p#?filter[password]={} HTTP/1.1', '-'],
  ['GET /p#?{} HTTP/1.1', '-'],
  ['GET /p# HTTP/1.1', 'https://shop.example.com/reset?code={}'],
  ['GET /p# HTTP/1.1', 'https://admin:{}@shop.example.com/'],
  ['GET /p# HTTP/1.1', 'https://shop.example.com/#access_token={}&token_type=bearer'],
  ['GET /p#/verify/eyJhbGciOiJIUzI1NiJ9.{}.{} HTTP/1.1', '-'],
  ['GET http://ops:{}@shop.example.com/p# HTTP/1.1', '-'],
  ['GET /p#?sid={} HTTP/1.1', 'https://shop.example.com/?PHPSESSID={}'],
  ['GET /p#?access_token={}&refresh_token={} HTTP/1.1', '-'],
];

/** Messages of nginx's and PHP's error logs, without date and level. */
export const errorMessages: readonly string[] = [
  "FastCGI sent in stderr: \"PHP message: PHP Fatal error:  p# Uncaught PDOException: SQLSTATE[HY000] [1045] Access denied in /srv/db.php:3\nStack trace:\n#0 /srv/db.php(3): PDO->__construct('mysql:host=db;dbname=shop', 'shop', '{}')\n#1 {main}\n  thrown in /srv/db.php on line 3\" while reading response header from upstream",
  "FastCGI sent in stderr: \"PHP message: p# mysqli_connect('db', 'shop', '{}') failed\" while reading response header from upstream",
  'FastCGI sent in stderr: "PHP message: p# login failed for admin, password: {}" while reading response header from upstream',
  'FastCGI sent in stderr: "PHP message: p# could not connect to pgsql:host=db;port=5432;dbname=shop;user=shop;password={}" while reading response header from upstream',
  'FastCGI sent in stderr: "PHP message: p# mysql://shop:{}@10.0.0.9:3306/shop refused" while reading response header from upstream',
  'FastCGI sent in stderr: "PHP message: p# redis://:{}@10.0.0.9:6379/0 timed out" while reading response header from upstream',
  'FastCGI sent in stderr: "PHP message: p# config {"password":"{}","host":"db"}" while reading response header from upstream',
  "FastCGI sent in stderr: \"PHP message: p# config array ('db_password' => '{}', 'host' => 'db')\" while reading response header from upstream",
  'FastCGI sent in stderr: "PHP message: p# array(2) { ["api_secret"]=> string(20) "{}" }" while reading response header from upstream',
  'FastCGI sent in stderr: "PHP message: p# Authorization: Bearer {}" while reading response header from upstream',
  'FastCGI sent in stderr: "PHP message: p# Authorization: Basic {}" while reading response header from upstream',
  'FastCGI sent in stderr: "PHP message: p# Cookie: PHPSESSID={}; theme=dark; remember={}" while reading response header from upstream',
  'FastCGI sent in stderr: "PHP message: p# Set-Cookie: sid={}; Path=/" while reading response header from upstream',
  'FastCGI sent in stderr: "PHP message: p# AWS_SECRET_ACCESS_KEY={}" while reading response header from upstream',
  'FastCGI sent in stderr: "PHP message: p# curl -u admin:{} http://10.0.0.9/" while reading response header from upstream',
  'FastCGI sent in stderr: "PHP message: p# -----BEGIN RSA PRIVATE KEY-----\nMII{}\n{}\n-----END RSA PRIVATE KEY-----" while reading response header from upstream',
  'FastCGI sent in stderr: "PHP message: p# secretKey={} appSecret: {}" while reading response header from upstream',
  'p# "/var/www/html/x" failed (13: Permission denied), client: 10.0.0.1, server: shop, request: "GET /p#?token={} HTTP/1.1", host: "shop", referrer: "https://shop/?session={}"',
  'p# upstream sent invalid header: "X-Auth-Token: {}\\x20..." while reading response header from upstream',
];

/** Statements of an nginx server block. */
export const nginxStatements: readonly string[] = [
  '# p# password {}',
  'proxy_set_header Authorization "Basic {}";',
  'proxy_set_header X-Api-Key {};',
  'proxy_set_header Cookie "sid={}";',
  'proxy_set_header X-Internal-Auth "{}";',
  'proxy_set_header X-Origin-Verify {};',
  'fastcgi_param DB_PASSWORD {};',
  'fastcgi_param DATABASE_URL "mysql://shop:{}@db/shop";',
  'fastcgi_param HTTP_AUTHORIZATION "Bearer {}";',
  'fastcgi_param APP_KEY base64:{}=;',
  "fastcgi_param SMTP_PASS '{}';",
  'fastcgi_param PHP_ADMIN_VALUE "mysqli.default_pw={}";',
  'set $origin_token {};',
  'set $gate "{}";',
  'add_header X-Debug-Token "{}";',
  'add_header Set-Cookie "debug={}; Path=/";',
  'if ($http_x_origin_verify != "{}") { set $gate 1; } # was {}',
  'if ($arg_key = {}) { set $gate 2; }',
  'if ($cookie_admin ~ "^{}$") { set $gate 3; }',
  'location /hook-p# { return 302 "https://ops:{}@shop.example.com/cb?token={}"; }',
  'location = /legacy-p# { rewrite ^ /x?signature={} permanent; }',
  'location /signed-p# { secure_link $arg_st; secure_link_md5 "$uri {}"; }',
  'location /up-p# { proxy_pass http://127.0.0.1:9/?api_key={}; }',
];

/** Statements of nginx's http block. */
export const nginxHttpStatements: readonly string[] = [
  'map $http_x_api_key $known_p# { default 0; "{}" 1; }',
  'map $http_authorization $user_p# { default ""; "Bearer {}" ops; }',
  'map $cookie_session $role_p# { default ""; {} admin; }',
];

/** Lines of haproxy.cfg's frontend and backend. */
export const haproxyLines: readonly string[] = [
  '# p# old password {}',
  'stats auth admin:{}',
  'http-request set-header Authorization "Basic {}"',
  'http-request set-header X-Api-Key {}',
  'http-request set-header X-Origin-Verify "{}"',
  'http-request add-header Cookie sid={}',
  'http-request set-var(txn.token) str({})',
  'http-request redirect location https://shop.example.com/cb?token={} if { path /p# }',
  'http-request deny if { path /p# } !{ hdr(X-Origin-Verify) -m str {} }',
  'http-request deny if { path /p# } { req.cook(admin) -m str {} }',
  'http-request deny if { path /p# } { url_param(key) {} }',
  'acl p# hdr(authorization) -m beg "Bearer {}"',
  'http-response set-header X-Debug-Token {} if { path /p# }',
];
export const haproxyGlobalLines: readonly string[] = [
  'setenv DB_PASSWORD {}',
  'presetenv VAULT_TOKEN {}',
  'setenv REDIS_URL redis://:{}@10.0.0.9/0',
];
export const haproxyUserlist: readonly string[] = ['user ops insecure-password {}', 'user dev password $5$salt${}'];

/** Lines of HAProxy's own log, without date and process; the captures hold what the configuration asks for. */
export const haproxyLog: readonly string[] = [
  '10.1.1.1:40000 [{date}] shop web/web-1 0/0/1/2/3 502 217 - - SH-- 2/2/0/0/0 0/0 {shop.example.com|Bearer {}} "GET /p#?token={} HTTP/1.1"',
  '10.1.1.1:40001 [{date}] shop web/web-1 0/0/1/2/3 502 217 sid={} sid={} SH-- 2/2/0/0/0 0/0 {shop.example.com|Mozilla} "GET /p#?x={}zzzz HTTP/1.1"',
  '10.1.1.1:40002 [{date}] shop web/web-1 0/0/1/2/3 502 217 - - SH-- 2/2/0/0/0 0/0 {shop.example.com|JSESSIONID={}; a=b} "GET http://u:{}@shop/p# HTTP/1.1"',
];

/** Lines of a php-fpm pool. */
export const poolLines: readonly string[] = [
  'env[DB_PASSWORD] = {}',
  'env[APP_SECRET] = "{}"',
  'php_admin_value[mysqli.default_pw] = {}',
  'php_value[session.save_path] = "tcp://10.0.0.9:6379?auth={}"',
  '; p# old password {}',
];

/** Command lines of other processes. */
export const commandLines: readonly string[] = [
  'mysql -uroot -p{} shop',
  'mysqldump --password={} shop',
  'worker-p# --token {} --queue mail',
  'worker-p# --db-password {} --verbose',
  'curl -u admin:{} http://10.0.0.9/',
  'curl -H Authorization:Bearer-{} http://10.0.0.9/',
  'curl -H Authorization: Bearer {} http://10.0.0.9/',
  'java -Dspring.datasource.password={} -jar app-p#.jar',
  'redis-cli -h 10.0.0.9 -a {} ping',
  'node app-p#.js postgres://shop:{}@db/shop',
  'sshpass -p {} ssh web-9',
  'env AWS_SECRET_ACCESS_KEY={} backup-p#',
  'php artisan queue:work --env=APP_KEY={}',
  'vault login token={}',
];

/** Lines of an error page, or headers of the answer in front of it. */
export const pageLines: readonly string[] = [
  '<input type="hidden" name="csrf_token" value="{}">',
  '<input value="{}" name=_token type=hidden>',
  '<meta name="csrf-token" content="{}">',
  '<tr><td>DB_PASSWORD</td><td>{}</td></tr>',
  '<dt>session_id</dt> <dd>{}</dd>',
  'Session ID: {}',
  '{"access_token":"{}","expires_in":3600}',
  'Cookie: PHPSESSID={}; lang=en',
  'token: eyJhbGciOiJIUzI1NiJ9.{}.{}',
  "#0 /srv/db.php(3): PDO->__construct('mysql:host=db', 'shop', '{}')",
  'mysql://shop:{}@db/shop',
  '<a href="/login;jsessionid={}">login</a> <a href="/x?sid={}">x</a>',
  'AWS_SECRET_ACCESS_KEY => {}',
  "window.csrfToken = '{}';",
  '$password = "{}";',
  '["HTTP_AUTHORIZATION"]=> string(30) "{}"',
];
export const pageHeaders: readonly string[] = [
  'Set-Cookie "PHPSESSID={}; Path=/; HttpOnly"',
  'X-Auth-Token "{}"',
  'X-Echo "Authorization: Bearer {}"',
  'X-Request "/api?token={}"',
  'X-Csrf-Token "{}"',
  'Link "<https://cdn.example.com/a.js?signature={}>; rel=preload"',
  'X-Upstream "http://ops:{}@10.0.0.9/"',
  'WWW-Authenticate "Digest realm=shop, nonce={}, opaque={}"',
];
