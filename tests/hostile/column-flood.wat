;; Pulls every column of the block for ever. expect: deadline: longer than 200 ms
  (import "watchfire:detector/batches@0.1.0" "[method]batch.transaction-inputs" (func $inputs (param i32 i32)))
  (import "watchfire:detector/batches@0.1.0" "[method]batch.transactions" (func $rows (param i32 i32)))
  ;;; start
  (func $start (param i32 i32) (result i32)
    ;; all transactions
    (i32.store8 (i32.const 512) (i32.const 1))
    (i64.store (i32.const 520) (i64.const 0))
    (i64.store (i32.const 528) (i64.const 0))
    (i64.store (i32.const 536) (i64.const 0))
    (i32.const 576))
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (loop $again
      (call $inputs (local.get 0) (i32.const 3072))
      (call $rows (local.get 0) (i32.const 3072))
      (br $again))
    (unreachable))
  ;;; realloc
  ;; Everything lands on top of what came before: the host's work is what is tried here.
  (func $realloc (param i32 i32 i32 i32) (result i32)
    (if (i32.eq (memory.size) (i32.const 2)) (then (drop (memory.grow (i32.const 500)))))
    (i32.const 65536))
