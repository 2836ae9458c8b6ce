;; Gives its findings, and is never done with taking its memory back. expect: deadline: longer than 200 ms
  ;;; end
  (func $forever (param i32) (loop $again (br $again)))
  (export "cabi_post_watchfire:detector/guest@0.1.0#on-batch" (func $forever))
