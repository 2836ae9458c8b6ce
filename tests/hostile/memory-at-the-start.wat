;; Needs 125 MiB before it has done anything. expect: refused: `limits.memory_bytes` is
  ;;; end
  (memory $second 2000)
