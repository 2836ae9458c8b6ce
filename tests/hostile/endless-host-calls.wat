;; Asks the host for the same thing for ever. expect: deadline: longer than 200 ms
  (import "watchfire:detector/batches@0.1.0" "[method]batch.block-number" (func $number (param i32) (result i64)))
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (loop $again (drop (call $number (local.get 0))) (br $again))
    (unreachable))
