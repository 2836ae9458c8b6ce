;; Leaks three hundred handles on each batch. expect: ok: guest; last: trap: it holds more than 1024 handles
  (import "wasi:cli/stdout@0.2.0" "get-stdout" (func $stdout (result i32)))
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (local $left i32)
    (local.set $left (i32.const 300))
    (loop $more
      (drop (call $stdout))
      (br_if $more (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
    (i32.const 768))
