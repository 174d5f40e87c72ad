"""What every app needs and no app owns: errors, problem JSON, ids, paging, limits."""
