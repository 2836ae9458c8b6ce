;; Takes the time of its own work, and falls over if any has passed. expect: ok: guest
  (import "wasi:clocks/monotonic-clock@0.2.0" "now" (func $now (result i64)))
  (import "wasi:clocks/monotonic-clock@0.2.0" "subscribe-duration" (func $sleep (param i64) (result i32)))
  (import "wasi:io/poll@0.2.0" "[method]pollable.ready" (func $ready (param i32) (result i32)))
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (local $before i64)
    (local $left i32)
    (local.set $before (call $now))
    (local.set $left (i32.const 100000))
    (loop $more
      (if (i64.ne (call $now) (local.get $before)) (then (unreachable)))
      (br_if $more (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
    ;; A moment that has not come yet would tell the time as well.
    (if (i32.eqz (call $ready (call $sleep (i64.const 1000000)))) (then (unreachable)))
    (i32.const 768))
