;; Writes and deletes the same key for ever. expect: deadline: longer than 200 ms
  (import "watchfire:detector/state@0.1.0" "delete" (func $delete (param i32 i32)))
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (loop $more
      (call $put (i32.const 16) (i32.const 5) (i32.const 4096) (i32.const 8) (i32.const 3072))
      (call $delete (i32.const 16) (i32.const 5))
      (br $more))
    (unreachable))
