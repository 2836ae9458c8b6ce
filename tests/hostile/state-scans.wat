;; Fills its state, and reads all of it again and again. expect: deadline: longer than 200 ms
  (import "watchfire:detector/state@0.1.0" "scan" (func $scan (param i32 i32 i32 i32 i32 i32 i32)))
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (local $left i32)
    (local.set $left (i32.const 9000))
    (loop $more
      (i32.store (i32.const 2048) (local.get $left))
      (call $put (i32.const 2048) (i32.const 4) (i32.const 4096) (i32.const 400) (i32.const 3072))
      (br_if $more (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
    (loop $again
      (call $scan (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const -1) (i32.const 3072))
      (br $again))
    (unreachable))
  ;;; realloc
  ;; Everything lands on top of what came before: the host's work is what is tried here.
  (func $realloc (param i32 i32 i32 i32) (result i32)
    (if (i32.eq (memory.size) (i32.const 2)) (then (drop (memory.grow (i32.const 100)))))
    (i32.const 65536))
