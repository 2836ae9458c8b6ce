;; Reads a slot of three bytes, and is told that there is none. expect: ok: guest
  (import "watchfire:detector/chain@0.1.0" "storage-at" (func $storage (param i32 i32 i32 i32 i32)))
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (call $storage (i32.const 4096) (i32.const 20) (i32.const 4096) (i32.const 3) (i32.const 3072))
    ;; `invalid`
    (if (i32.ne (i32.load8_u (i32.const 3072)) (i32.const 1)) (then (unreachable)))
    (if (i32.ne (i32.load (i32.const 3080)) (i32.const 7)) (then (unreachable)))
    (i32.const 768))
