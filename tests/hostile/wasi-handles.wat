;; Opens standard output a million times and never closes it. expect: trap: it holds more than 1024 handles
  (import "wasi:cli/stdout@0.2.0" "get-stdout" (func $stdout (result i32)))
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (loop $again (drop (call $stdout)) (br $again))
    (unreachable))
