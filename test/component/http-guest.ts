/** A component that serves HTTP, in text: it answers with the body that it got and a count, or with what another host answers. */

/** The parts of wasi:io and wasi:http that it uses. */
export const HTTP_WIT = `
  package test:http;

  world server {
    import wasi:io/streams@0.2.12;
    import wasi:http/types@0.2.12;
    import wasi:http/outgoing-handler@0.2.12;
    export wasi:http/incoming-handler@0.2.12;
  }

  package wasi:io@0.2.12 {
    interface error { resource error; }
    interface poll { resource pollable { block: func(); ready: func() -> bool; } }
    interface streams {
      use error.{error};
      variant stream-error { last-operation-failed(error), closed }
      resource input-stream { blocking-read: func(len: u64) -> result<list<u8>, stream-error>; }
      resource output-stream { blocking-write-and-flush: func(contents: list<u8>) -> result<_, stream-error>; }
    }
  }

  package wasi:http@0.2.12 {
    interface types {
      use wasi:io/streams@0.2.12.{input-stream, output-stream};
      use wasi:io/poll@0.2.12.{pollable};
      variant header-error { invalid-syntax, forbidden, immutable }
      variant error-code { connection-refused, HTTP-request-denied, HTTP-response-incomplete,
        HTTP-request-body-size(option<u64>), internal-error(option<string>) }
      resource fields {
        constructor();
        append: func(name: string, value: list<u8>) -> result<_, header-error>;
      }
      resource incoming-request {
        path-with-query: func() -> option<string>;
        headers: func() -> fields;
        consume: func() -> result<incoming-body>;
      }
      resource incoming-response { status: func() -> u16; consume: func() -> result<incoming-body>; }
      resource incoming-body { %stream: func() -> result<input-stream>; }
      resource outgoing-request {
        constructor(headers: fields);
        set-path-with-query: func(path: option<string>) -> result;
        set-authority: func(authority: option<string>) -> result;
        body: func() -> result<outgoing-body>;
      }
      resource request-options { constructor(); }
      resource outgoing-response {
        constructor(headers: fields);
        set-status-code: func(status: u16) -> result;
        body: func() -> result<outgoing-body>;
      }
      resource outgoing-body {
        write: func() -> result<output-stream>;
        finish: static func(this: outgoing-body, trailers: option<fields>) -> result<_, error-code>;
      }
      resource response-outparam {
        set: static func(param: response-outparam, response: result<outgoing-response, error-code>);
      }
      resource future-incoming-response {
        subscribe: func() -> pollable;
        get: func() -> option<result<result<incoming-response, error-code>>>;
      }
    }
    interface outgoing-handler {
      use types.{outgoing-request, request-options, future-incoming-response, error-code};
      handle: func(request: outgoing-request, options: option<request-options>)
        -> result<future-incoming-response, error-code>;
    }
    interface incoming-handler {
      use types.{incoming-request, response-outparam};
      handle: func(request: incoming-request, response-out: response-outparam);
    }
  }`;

/**
 * `/fetch…` is asked of `other.example`, with the body `ping`: its status and body are the answer, or 500 and more for an
 * error's number. `/forget…` drops that request's body unfinished, `/freeze…` waits without finishing it. `/nothing` is not
 * answered, `/half` in the middle. Anything else: the request's body, and a header with how many there were.
 */
export const HTTP_WAT = `(module
  (import "wasi:io/streams@0.2.12" "[method]input-stream.blocking-read" (func $read (param i32 i64 i32)))
  (import "wasi:io/streams@0.2.12" "[method]output-stream.blocking-write-and-flush" (func $flush (param i32 i32 i32 i32)))
  (import "wasi:io/streams@0.2.12" "[resource-drop]input-stream" (func $drop-input (param i32)))
  (import "wasi:io/streams@0.2.12" "[resource-drop]output-stream" (func $drop-output (param i32)))
  (import "wasi:io/poll@0.2.12" "[method]pollable.block" (func $block (param i32)))
  (import "wasi:io/poll@0.2.12" "[resource-drop]pollable" (func $drop-pollable (param i32)))
  (import "wasi:http/types@0.2.12" "[constructor]fields" (func $fields (result i32)))
  (import "wasi:http/types@0.2.12" "[method]fields.append" (func $append (param i32 i32 i32 i32 i32 i32)))
  (import "wasi:http/types@0.2.12" "[method]incoming-request.path-with-query" (func $path (param i32 i32)))
  (import "wasi:http/types@0.2.12" "[method]incoming-request.consume" (func $consume (param i32 i32)))
  (import "wasi:http/types@0.2.12" "[method]incoming-response.status" (func $status (param i32) (result i32)))
  (import "wasi:http/types@0.2.12" "[method]incoming-response.consume" (func $consume-answer (param i32 i32)))
  (import "wasi:http/types@0.2.12" "[method]incoming-body.stream" (func $stream (param i32 i32)))
  (import "wasi:http/types@0.2.12" "[constructor]outgoing-request" (func $request (param i32) (result i32)))
  (import "wasi:http/types@0.2.12" "[method]outgoing-request.set-path-with-query"
    (func $set-path (param i32 i32 i32 i32) (result i32)))
  (import "wasi:http/types@0.2.12" "[method]outgoing-request.set-authority"
    (func $set-authority (param i32 i32 i32 i32) (result i32)))
  (import "wasi:http/types@0.2.12" "[method]outgoing-request.body" (func $request-body (param i32 i32)))
  (import "wasi:http/types@0.2.12" "[constructor]outgoing-response" (func $response (param i32) (result i32)))
  (import "wasi:http/types@0.2.12" "[method]outgoing-response.set-status-code"
    (func $set-status (param i32 i32) (result i32)))
  (import "wasi:http/types@0.2.12" "[method]outgoing-response.body" (func $response-body (param i32 i32)))
  (import "wasi:http/types@0.2.12" "[method]outgoing-body.write" (func $write (param i32 i32)))
  (import "wasi:http/types@0.2.12" "[static]outgoing-body.finish" (func $finish (param i32 i32 i32 i32)))
  (import "wasi:http/types@0.2.12" "[static]response-outparam.set" (func $set (param i32 i32 i32 i32 i64 i32)))
  (import "wasi:http/types@0.2.12" "[method]future-incoming-response.subscribe" (func $subscribe (param i32) (result i32)))
  (import "wasi:http/types@0.2.12" "[method]future-incoming-response.get" (func $get (param i32 i32)))
  (import "wasi:http/types@0.2.12" "[resource-drop]incoming-request" (func $drop-request (param i32)))
  (import "wasi:http/types@0.2.12" "[resource-drop]incoming-response" (func $drop-answer (param i32)))
  (import "wasi:http/types@0.2.12" "[resource-drop]incoming-body" (func $drop-body (param i32)))
  (import "wasi:http/types@0.2.12" "[resource-drop]outgoing-body" (func $drop-outgoing (param i32)))
  (import "wasi:http/types@0.2.12" "[resource-drop]response-outparam" (func $drop-out (param i32)))
  (import "wasi:http/types@0.2.12" "[resource-drop]future-incoming-response" (func $drop-future (param i32)))
  (import "wasi:http/outgoing-handler@0.2.12" "handle" (func $send (param i32 i32 i32 i32)))
  (memory (export "memory") 4)
  (global $count (mut i32) (i32.const 48))
  (global $heap (mut i32) (i32.const 4096))
  (data (i32.const 256) "other.exampleping")
  (data (i32.const 300) "X-Countcontent-type/text/plain")
  (func (export "cabi_realloc") (param i32 i32 i32) (param $size i32) (result i32) (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $heap) (i32.const 7)) (i32.const -8)))
    (global.set $heap (i32.add (local.get $at) (local.get $size)))
    (local.get $at))
  ;; All of a body: its address and length at 128. What it is of is dropped by the caller.
  (func $all (param $body i32) (local $from i32)
    (call $stream (local.get $body) (i32.const 64))
    (local.set $from (i32.load (i32.const 68)))
    (call $read (local.get $from) (i64.const 60000) (i32.const 64))
    (i32.store (i32.const 128) (i32.load (i32.const 68)))
    (i32.store (i32.const 132) (i32.load (i32.const 72)))
    (if (i32.load8_u (i32.const 64)) (then (i32.store (i32.const 132) (i32.const 0))))
    (call $drop-input (local.get $from))
    (call $drop-body (local.get $body)))
  ;; Writes to a body.
  (func $put (param $body i32) (param $at i32) (param $length i32) (local $to i32)
    (call $write (local.get $body) (i32.const 64))
    (local.set $to (i32.load (i32.const 68)))
    (call $flush (local.get $to) (local.get $at) (local.get $length) (i32.const 64))
    (call $drop-output (local.get $to)))
  (func $answer (param $out i32) (param $status i32) (param $half i32) (local $headers i32) (local $made i32) (local $body i32)
    (local.set $headers (call $fields))
    (i32.store8 (i32.const 200) (global.get $count))
    (call $append (local.get $headers) (i32.const 300) (i32.const 7) (i32.const 200) (i32.const 1) (i32.const 64))
    ;; One that is not the component's to say.
    (call $append (local.get $headers) (i32.const 256) (i32.const 0) (i32.const 200) (i32.const 1) (i32.const 64))
    (local.set $made (call $response (local.get $headers)))
    (drop (call $set-status (local.get $made) (local.get $status)))
    (call $response-body (local.get $made) (i32.const 64))
    (local.set $body (i32.load (i32.const 68)))
    (call $set (local.get $out) (i32.const 0) (local.get $made) (i32.const 0) (i64.const 0) (i32.const 0))
    (call $put (local.get $body) (i32.load (i32.const 128)) (i32.load (i32.const 132)))
    (if (local.get $half)
      (then (call $drop-outgoing (local.get $body)))
      (else (call $finish (local.get $body) (i32.const 0) (i32.const 0) (i32.const 64)))))
  ;; Asks the other host, and gives the status. How: the path's third letter.
  (func $fetch (param $at i32) (param $length i32) (result i32)
    (local $made i32) (local $body i32) (local $future i32) (local $wait i32) (local $got i32) (local $how i32)
    (local.set $how (i32.load8_u offset=2 (local.get $at)))
    (local.set $made (call $request (call $fields)))
    (drop (call $set-path (local.get $made) (i32.const 1) (local.get $at) (local.get $length)))
    (drop (call $set-authority (local.get $made) (i32.const 1) (i32.const 256) (i32.const 13)))
    (call $request-body (local.get $made) (i32.const 64))
    (local.set $body (i32.load (i32.const 68)))
    (call $send (local.get $made) (i32.const 0) (i32.const 0) (i32.const 64))
    (local.set $future (i32.load (i32.const 72)))
    (call $put (local.get $body) (i32.const 269) (i32.const 4))
    (if (i32.eq (local.get $how) (i32.const 101))
      (then (call $finish (local.get $body) (i32.const 0) (i32.const 0) (i32.const 64))))
    (if (i32.eq (local.get $how) (i32.const 111)) (then (call $drop-outgoing (local.get $body))))
    (local.set $wait (call $subscribe (local.get $future)))
    (call $block (local.get $wait))
    (call $drop-pollable (local.get $wait))
    (call $get (local.get $future) (i32.const 64))
    (if (i32.load8_u (i32.const 80))
      (then
        (local.set $got (i32.add (i32.const 500) (i32.load8_u (i32.const 88))))
        (i32.store (i32.const 132) (i32.const 0))
        (call $drop-future (local.get $future))
        (return (local.get $got))))
    (local.set $made (i32.load (i32.const 88)))
    (call $drop-future (local.get $future))
    (local.set $got (call $status (local.get $made)))
    (call $consume-answer (local.get $made) (i32.const 64))
    (call $all (i32.load (i32.const 68)))
    (call $drop-answer (local.get $made))
    (local.get $got))
  (func (export "wasi:http/incoming-handler@0.2.12#handle") (param $request i32) (param $out i32)
    (local $at i32) (local $length i32) (local $first i32)
    (global.set $count (i32.add (global.get $count) (i32.const 1)))
    (call $path (local.get $request) (i32.const 16))
    (local.set $at (i32.load (i32.const 20)))
    (local.set $length (i32.load (i32.const 24)))
    (local.set $first (i32.load8_u offset=1 (local.get $at)))
    (if (i32.eq (local.get $first) (i32.const 102))
      (then
        (call $drop-request (local.get $request))
        (call $answer (local.get $out) (call $fetch (local.get $at) (local.get $length)) (i32.const 0))
        (return)))
    (if (i32.eq (local.get $first) (i32.const 110))
      (then (call $drop-request (local.get $request)) (call $drop-out (local.get $out)) (return)))
    (call $consume (local.get $request) (i32.const 64))
    (call $all (i32.load (i32.const 68)))
    (call $drop-request (local.get $request))
    (call $answer (local.get $out) (i32.const 200) (i32.eq (local.get $first) (i32.const 104)))))`;
