;; Wants all memory there is; it gets none past its limit, and falls over. expect: memory: it asked for
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (loop $more (br_if $more (i32.ne (memory.grow (i32.const 64)) (i32.const -1))))
    (unreachable))
