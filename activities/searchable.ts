import { errorText } from '../leg/errors.ts';
import { missingAttributes, SEARCH_ATTRIBUTES } from '../leg/search-attributes.ts';

/** The part of Temporal's `OperatorService` that is asked. */
type Operator = {
  listSearchAttributes(request: {
    readonly namespace: string;
  }): Promise<{ readonly customAttributes?: Readonly<Record<string, unknown>> | null }>;
};

/**
 * Whether the server knows our search attributes. A workflow that sets one that it does not know stands
 * still, so none is set then; the log says once what is missing.
 */
export function openSearchable(
  operator: Operator,
  namespace: string,
  warn: (message: string) => void,
): () => Promise<boolean> {
  let isSaid = false;
  const say = (why: string): false => {
    if (!isSaid) warn(`workflows are not found by Kdx search attributes: ${why}`);
    isSaid = true;
    return false;
  };
  return async () => {
    try {
      const { customAttributes } = await operator.listSearchAttributes({ namespace });
      const [missing] = missingAttributes(customAttributes ?? {});
      if (missing === undefined) return true;
      const type = SEARCH_ATTRIBUTES[missing];
      return say(
        `${missing} is not there as ${type}; temporal operator search-attribute create --name ${missing} --type ${type}`,
      );
    } catch (error) {
      return say(`the server does not tell its search attributes: ${errorText(error)}`);
    }
  };
}
