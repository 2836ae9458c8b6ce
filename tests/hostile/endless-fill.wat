;; Fills its memory again and again. expect: deadline: longer than 200 ms
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (drop (memory.grow (i32.const 900)))
    (loop $again (memory.fill (i32.const 65536) (i32.const 7) (i32.const 58000000)) (br $again))
    (unreachable))
